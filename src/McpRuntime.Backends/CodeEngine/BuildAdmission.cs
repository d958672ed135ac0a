using McpRuntime.Backends.Dockerfiles;
using McpRuntime.Backends.Git;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>
/// What a repository's build stands on, read at its commit before there is a build: the platform would fetch a base image from anywhere.
/// A checkout may take longer than a turn has: it goes on by itself, and a later turn gets what came of it.
/// </summary>
internal sealed class BuildAdmission(IGit git, CodeEngineOptions options, TimeProvider time)
{
    /// <summary>Below the cap of an effect (8 s), with time left for the question for the ref before.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Task> _readings = new(StringComparer.Ordinal);

    /// <exception cref="BackendFault">Its Dockerfile is not there, not understood, or stands on what is not allowed; or it is still being read.</exception>
    public async Task JudgeAsync(Source.GitHub repository, string? team, string commit, CancellationToken ct)
    {
        var key = CodeEngineNames.Digest(CodeEngineNames.List(
            [repository.Repo, team ?? "", commit, repository.Context, repository.Dockerfile, CodeEngineNames.Canonical(repository.BuildArgs.OrderBy(a => a.Key, StringComparer.Ordinal))]));
        Task reading;
        lock (_lock)
        {
            reading = _readings.TryGetValue(key, out var running) ? running : _readings[key] = Task.Run(() => ReadAsync(repository, team, commit), CancellationToken.None);
        }

        try
        {
            await reading.WaitAsync(Patience, time, ct);
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
    private async Task ReadAsync(Source.GitHub repository, string? team, string commit)
    {
        using var checkout = await git.CheckOutAsync(repository.Repo, team, commit, CancellationToken.None);
        var text = await Dockerfile.TextAsync(checkout, repository.Context, repository.Dockerfile, CancellationToken.None);
        Dockerfile.Parse(text, repository.BuildArgs, DockerfileBuilder.BuildKit).StandOnlyOn(options.AllowedRegistries);
    }
}
