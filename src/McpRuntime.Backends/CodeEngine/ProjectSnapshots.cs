using McpRuntime.Backends.CodeEngine.Wire;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>Everything in the project at one time, ours or not.</summary>
internal sealed record ProjectSnapshot(IReadOnlyList<App> Apps, IReadOnlyList<Secret> Secrets, IReadOnlyList<BuildSettings> Builds, IReadOnlyList<BuildRun> Runs);

/// <summary>
/// Four lists serve everybody who asks while they are read: lists can't be filtered by mark, and forty records that each read them
/// would use up the API's patience. Nobody gets one that began before he asked: a look after an effect must see it.
/// </summary>
internal sealed class ProjectSnapshots(CodeEngineWire wire)
{
    private readonly Lock _lock = new();
    private Task? _running;
    private Task<ProjectSnapshot>? _next;

    public Task<ProjectSnapshot> ReadAsync(CancellationToken ct)
    {
        lock (_lock)
        {
            return (_next ??= AfterAsync(_running)).WaitAsync(ct);
        }
    }

    private async Task<ProjectSnapshot> AfterAsync(Task? running)
    {
        // Yields first, so that the field is set before this goes on.
        await Task.Yield();
        if (running is not null)
        {
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        lock (_lock)
        {
            _running = _next;
            _next = null;
        }

        // Shared, so no one caller's cancellation ends it; the wire's own clock does.
        var apps = wire.AppsAsync(CancellationToken.None);
        var secrets = SecretsAsync(CancellationToken.None);
        var builds = wire.BuildsAsync(CancellationToken.None);
        var runs = wire.RunsAsync(build: null, CancellationToken.None);
        await Task.WhenAll(apps, secrets, builds, runs);
        return new ProjectSnapshot(await apps, await secrets, await builds, await runs);
    }

    /// <summary>A list that leaves the data out says nothing of whose a secret is: those named like ours are read one by one.</summary>
    private async Task<IReadOnlyList<Secret>> SecretsAsync(CancellationToken ct)
    {
        List<Secret> whole = [];
        foreach (var secret in await wire.SecretsAsync(ct))
        {
            var read = secret.Data is null && secret.Name.StartsWith("mcp-", StringComparison.Ordinal) ? await wire.SecretAsync(secret.Name, ct) : secret;
            if (read is not null)
            {
                whole.Add(read);
            }
        }

        return whole;
    }
}
