using McpRuntime.Backends.Dockerfiles;
using McpRuntime.Backends.Git;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>What a repository's build stands on, read at its commit before there is a build: the platform would fetch a base image from anywhere.</summary>
internal sealed class BuildAdmission(IGit git, CodeEngineOptions options, TimeProvider time)
{
    private readonly DockerfileReadings<Dockerfile> _readings = new(git, DockerfileBuilder.BuildKit, (dockerfile, _) => Task.FromResult(dockerfile), time);

    /// <exception cref="BackendFault">Its Dockerfile is not there, not understood, or stands on what is not allowed; or it is still being read.</exception>
    public async Task JudgeAsync(Source.GitHub repository, string? team, string commit, CancellationToken ct) =>
        (await _readings.ReadAsync(repository, team, commit, ct)).StandOnlyOn(options.AllowedRegistries);
}
