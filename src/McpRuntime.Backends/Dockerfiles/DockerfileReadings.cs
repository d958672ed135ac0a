using McpRuntime.Backends.Git;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Dockerfiles;

/// <summary>
/// A repository's Dockerfile at its commit, read before there is a build. A checkout may take longer than a turn has: it goes on by
/// itself, and a later turn gets what came of it.
/// </summary>
/// <param name="then">What is to be found out of it; belongs to the reading, and is ended by its own clocks.</param>
internal sealed class DockerfileReadings<T>(IGit git, DockerfileBuilder builder, Func<Dockerfile, string?, Task<T>> then, TimeProvider time)
{
    /// <summary>Below the cap of an effect (8 s), with time left for the question for the ref before.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Task<T>> _readings = new(StringComparer.Ordinal);

    /// <param name="team">Whose credentials may be used.</param>
    /// <exception cref="BackendFault">Its Dockerfile is not there, not understood, or stands on what is not allowed; or it is still being read.</exception>
    public async Task<T> ReadAsync(Source.GitHub repository, string? team, string commit, CancellationToken ct)
    {
        var key = Key(repository, team, commit);
        Task<T> reading;
        lock (_lock)
        {
            reading = _readings.TryGetValue(key, out var running) ? running : _readings[key] = Task.Run(() => ReadAsync(repository, team, commit), CancellationToken.None);
        }

        try
        {
            return await reading.WaitAsync(Patience, time, ct);
        }
        catch (TimeoutException e)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "DockerfileBeingRead", $"The commit {commit} of {repository.Repo} is being fetched to read its Dockerfile."), e);
        }
        finally
        {
            if (reading.IsCompleted)
            {
                lock (_lock)
                {
                    _ = _readings.Remove(key);
                }
            }
        }
    }

    /// <summary>Ended by git's own clock.</summary>
    private async Task<T> ReadAsync(Source.GitHub repository, string? team, string commit)
    {
        using var checkout = await git.CheckOutAsync(repository.Repo, team, commit, CancellationToken.None);
        return await then(await Dockerfile.ReadAsync(checkout, repository, builder, CancellationToken.None), team);
    }

    /// <summary>In memory alone; each part with its length, so that no two sets of parts look alike.</summary>
    private static string Key(Source.GitHub repository, string? team, string commit) => string.Concat(
        new[] { repository.Repo, team ?? "", commit, repository.Context, repository.Dockerfile }
            .Concat(repository.BuildArgs.OrderBy(a => a.Key, StringComparer.Ordinal).SelectMany(a => new[] { a.Key, a.Value }))
            .Select(part => $"{part.Length}:{part}"));
}
