using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>
/// Builds under way, by record and build. In memory only: the engine ends a build whose caller is gone, and the next turn starts it
/// again. A turn starts one and later turns see it; none waits for it.
/// </summary>
internal sealed class BuildTracker(BuildRunner runner, BuildLimits limits, Action<string> changed) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Record, string Build), RunningBuild> _running = [];
    private readonly Dictionary<(string Record, string Build), Fault> _failures = [];
    private readonly SemaphoreSlim _places = new(limits.AtOnce);

    public void Start(RuntimeIdentity id, Resource resource, BuildBody body)
    {
        lock (_lock)
        {
            var key = (id.RecordId, resource.Id);
            if (_running.ContainsKey(key))
            {
                return;
            }

            var build = new RunningBuild(id, resource.Id, resource.Fingerprint, body);
            _running[key] = build;

            // Not awaited here by design; RunAsync observes every failure itself.
            build.Work = Task.Run(() => RunAsync(build), CancellationToken.None);
        }
    }

    /// <summary>How the last one ended, if without an image; told once, so that the next Put starts another.</summary>
    public Fault? TakeFailure(RuntimeIdentity id, string resourceId)
    {
        lock (_lock)
        {
            return _failures.Remove((id.RecordId, resourceId), out var failure) ? failure : null;
        }
    }

    public IReadOnlyList<SeenResource> Of(string recordId) => [.. All().Where(b => b.Record == recordId).Select(b => b.Build)];

    public IReadOnlyList<(string Record, SeenResource Build)> All()
    {
        lock (_lock)
        {
            return [.. _running.Values.Select(b => (b.Id.RecordId, b.Seen()))];
        }
    }

    public bool IsBuilding(string recordId)
    {
        lock (_lock)
        {
            return _running.Keys.Any(k => k.Record == recordId);
        }
    }

    /// <summary>Stops it, and forgets how it ended.</summary>
    public async Task LeaveAsync(RuntimeIdentity id, string resourceId, CancellationToken ct)
    {
        RunningBuild? build;
        lock (_lock)
        {
            _ = _running.TryGetValue((id.RecordId, resourceId), out build);
        }

        if (build is not null)
        {
            await build.Stop.CancelAsync();
            await build.Work.WaitAsync(ct);
        }

        _ = TakeFailure(id, resourceId);
    }

    public async ValueTask DisposeAsync()
    {
        RunningBuild[] all;
        lock (_lock)
        {
            all = [.. _running.Values];
        }

        foreach (var build in all)
        {
            await build.Stop.CancelAsync();
            await build.Work;
        }

        _places.Dispose();
    }

    private async Task RunAsync(RunningBuild build)
    {
        Fault? failure = null;
        try
        {
            await _places.WaitAsync(build.Stop.Token);
            try
            {
                await runner.RunAsync(build, build.Stop.Token);
            }
            finally
            {
                _ = _places.Release();
            }
        }
        catch (BackendFault fault)
        {
            failure = fault.Fault;
        }
        catch (OperationCanceledException) when (build.Stop.IsCancellationRequested)
        {
            failure = new Fault(FaultKind.Transient, "BuildStopped", "The build was stopped.");
        }
        catch (Exception e)
        {
            // Nobody awaits this: whatever it is must be seen by the next Put, or the runtime would wait for ever.
            failure = new Fault(FaultKind.Transient, "BuildFailed", $"The build failed unexpectedly: {e.Message}");
        }

        // While it is still seen as under way: what comes after may rely on nothing being left of it.
        if (All().Count(b => b.Record == build.Id.RecordId) == 1)
        {
            await runner.TidyAsync(build.Id);
        }

        lock (_lock)
        {
            _ = _running.Remove((build.Id.RecordId, build.ResourceId));
            if (failure is not null)
            {
                _failures[(build.Id.RecordId, build.ResourceId)] = failure;
            }
        }

        build.Stop.Dispose();
        changed(build.Id.RecordId);
    }
}

/// <summary>One build under way.</summary>
internal sealed class RunningBuild(RuntimeIdentity id, string resourceId, string fingerprint, BuildBody body)
{
    public RuntimeIdentity Id { get; } = id;

    public string ResourceId { get; } = resourceId;

    public string Fingerprint { get; } = fingerprint;

    public BuildBody Body { get; } = body;

    public CancellationTokenSource Stop { get; } = new();

    public Task Work { get; set; } = Task.CompletedTask;

    /// <summary>What it does now, for the status.</summary>
    public string Message { get; set; } = "waiting for its turn";

    public double? Share { get; set; }

    public SeenResource Seen() => new()
    {
        Id = ResourceId,
        Kind = ResourceKind.Build,
        Fingerprint = Fingerprint,
        Health = Health.Starting,
        Message = $"building {Body.Source.Repo} at {Body.Commit[..12]}: {Message}",
        Progress = Share,
    };
}
