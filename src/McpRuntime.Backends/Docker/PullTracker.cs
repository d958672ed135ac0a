using System.Collections.Concurrent;
using System.Globalization;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// Pulls under way, by pin. In memory only: a pull that dies with the process is not there afterwards, and is started again. A turn
/// starts one and later turns see it; none waits for it.
/// </summary>
internal sealed class PullTracker(DockerWire wire, DockerOptions options, Action<string> changed) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Pull> _pulls = [];
    private readonly Dictionary<(string Record, string Pin), Fault> _failures = [];

    /// <summary>Joins a pull of the same pin by the same account, or starts one.</summary>
    public void Start(RuntimeIdentity id, string pin, RegistryLogin? login)
    {
        lock (_lock)
        {
            var pull = _pulls.Find(p => p.Pin == pin && p.Login == login);
            if (pull is not null)
            {
                pull.For[id.RecordId] = id;
                return;
            }

            pull = new Pull(pin, login);
            pull.For[id.RecordId] = id;
            _pulls.Add(pull);
            // Not awaited here by design; RunAsync observes every failure itself.
            pull.Work = Task.Run(() => RunAsync(pull), CancellationToken.None);
        }
    }

    /// <summary>How this record's last pull ended, if without the image; told once, so that the next Put starts another.</summary>
    public Fault? TakeFailure(string recordId, string pin)
    {
        lock (_lock)
        {
            return _failures.Remove((recordId, pin), out var failure) ? failure : null;
        }
    }

    /// <summary>Pulls of this record that are under way. A failed one is not seen: the next Put tells how it failed.</summary>
    public IReadOnlyList<SeenResource> Of(string recordId)
    {
        lock (_lock)
        {
            return [.. _pulls.Where(p => p.For.ContainsKey(recordId)).Select(p => p.Seen())];
        }
    }

    public IReadOnlyList<(string Record, SeenResource Image)> All()
    {
        lock (_lock)
        {
            return [.. _pulls.SelectMany(p => p.For.Keys.Select(record => (record, p.Seen())))];
        }
    }

    /// <summary>This record wants it no more; the last one to go stops it. The pin, if it was being pulled for this record: what it may have left is the caller's to clear.</summary>
    public async Task<string?> LeaveAsync(string recordId, string resourceId, CancellationToken ct)
    {
        Pull? pull;
        bool last;
        lock (_lock)
        {
            foreach (var failure in _failures.Keys.Where(f => f.Record == recordId && DockerNames.Image(f.Pin) == resourceId).ToArray())
            {
                _ = _failures.Remove(failure);
            }

            pull = _pulls.Find(p => p.For.ContainsKey(recordId) && DockerNames.Image(p.Pin) == resourceId);
            _ = pull?.For.TryRemove(recordId, out _);
            last = pull is { For.IsEmpty: true };
        }

        if (pull is not null && last)
        {
            await pull.Stop.CancelAsync();
            await pull.Work.WaitAsync(ct);
        }

        return pull?.Pin;
    }

    public async ValueTask DisposeAsync()
    {
        Pull[] all;
        lock (_lock)
        {
            all = [.. _pulls];
            _pulls.Clear();
        }

        foreach (var pull in all)
        {
            await pull.Stop.CancelAsync();
            await pull.Work;
        }
    }

    private async Task RunAsync(Pull pull)
    {
        Fault? failure = null;
        try
        {
            if (!ImageReference.TryParse(pull.Pin, out var image, out var error))
            {
                failure = new Fault(FaultKind.Refused, "ImageNotFound", $"The image {pull.Pin} is not on the engine any more, and there is nowhere to pull it from: {error}.");
                return;
            }

            await foreach (var line in wire.PullAsync(image.Name, image.Digest ?? image.Tag!, pull.Login, options.PullTimeout, options.PullIdle, pull.Stop.Token))
            {
                pull.Note(line);
            }

            await TagAsync(pull);
        }
        catch (BackendFault fault)
        {
            failure = fault.Fault;
        }
        catch (OperationCanceledException) when (pull.Stop.IsCancellationRequested)
        {
            failure = new Fault(FaultKind.Transient, "PullStopped", "The pull was stopped.");
        }
        catch (Exception e)
        {
            // Nobody awaits this: whatever it is must be seen by the next Put, or the runtime would wait for ever.
            failure = new Fault(FaultKind.Transient, "PullFailed", $"Pulling {pull.Pin} failed unexpectedly: {e.Message}");
        }
        finally
        {
            End(pull, failure);
        }
    }

    /// <summary>Those who joined last may have come after the tags were set; their own Put tags it.</summary>
    private async Task TagAsync(Pull pull)
    {
        foreach (var id in pull.For.Values)
        {
            _ = await wire.TagImageAsync(pull.Pin, DockerNames.ImageRepository(id), DockerNames.ImageTag(pull.Pin, kept: false), pull.Stop.Token);
        }
    }

    private void End(Pull pull, Fault? failure)
    {
        string[] records;
        lock (_lock)
        {
            _ = _pulls.Remove(pull);
            records = [.. pull.For.Keys];
            if (failure is not null)
            {
                foreach (var record in records)
                {
                    _failures[(record, pull.Pin)] = failure;
                }
            }
        }

        pull.Stop.Dispose();
        foreach (var record in records)
        {
            changed(record);
        }
    }

    private sealed class Pull(string pin, RegistryLogin? login)
    {
        private readonly ConcurrentDictionary<string, (long Current, long Total, bool Done)> _layers = new(StringComparer.Ordinal);

        public string Pin { get; } = pin;

        public RegistryLogin? Login { get; } = login;

        public ConcurrentDictionary<string, RuntimeIdentity> For { get; } = new(StringComparer.Ordinal);

        public CancellationTokenSource Stop { get; } = new();

        public Task Work { get; set; } = Task.CompletedTask;

        public string Message { get; private set; } = "starting";

        public double? Share { get; private set; }

        public SeenResource Seen() => new()
        {
            Id = DockerNames.Image(Pin),
            Kind = ResourceKind.Image,
            Fingerprint = DockerNames.ImageFingerprint(Pin),
            Health = Health.Starting,
            Message = $"pulling {Pin}: {Message}",
            Progress = Share,
        };

        /// <summary>Sizes become known layer by layer, so the share may go back a little; it never claims to be whole before the end.</summary>
        public void Note(PullLine line)
        {
            if (line.Layer is { Length: > 0 and <= 64 } layer && _layers.Count < 1_000)
            {
                var done = line.Status is "Pull complete" or "Already exists";
                var before = _layers.GetValueOrDefault(layer);
                _layers[layer] = line is { Status: "Downloading", Detail: { Total: > 0 } detail }
                    ? (detail.Current, detail.Total, false)
                    : (done ? before.Total : before.Current, before.Total, done || before.Done);
            }

            var total = _layers.Values.Sum(l => l.Total);
            var current = _layers.Values.Sum(l => l.Current);
            Share = total > 0 ? Math.Min(0.99, (double)current / total) : null;
            Message = string.Create(
                CultureInfo.InvariantCulture, $"{_layers.Values.Count(l => l.Done)} of {_layers.Count} layers, {current >> 20} of {total >> 20} MB");
        }
    }
}
