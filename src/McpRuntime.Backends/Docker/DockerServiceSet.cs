using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Core.Compose;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>What a revision's source says should run: its services, or why it can't.</summary>
/// <param name="Services">Empty until resolved; dependencies first.</param>
internal sealed record DockerServiceSet(IReadOnlyList<DockerService> Services, Fault? Refused = null)
{
    /// <summary>The one that speaks MCP.</summary>
    public DockerService? Main { get; init; }

    /// <summary>Null: one network of the runtime's own, for its one container.</summary>
    public ComposeFile? File { get; init; }

    /// <summary>What of a file is done another way here.</summary>
    public IReadOnlyList<string> Notes => File?.Notes ?? [];

    public static DockerServiceSet Of(CompileInput input) => input.Revision.Spec.Source.Match(
        docker => OfImage(input, docker),
        gitHub => OfBuild(input, gitHub),
        compose => ComposeServices.Of(input, compose));

    private static DockerServiceSet OfBuild(CompileInput input, Source.GitHub source)
    {
        if (BuildCompiler.Of(input.Identity, input.Revision, input.Hash) is not { } build)
        {
            return new DockerServiceSet([]);
        }

        var facts = input.Revision.Facts!;
        var service = new DockerService
        {
            Reference = source.Repo,
            Pin = facts.PinIsRegistryDigest ? facts.Pin : BuildNames.Image(input.Identity, build.Id),
            PinIsRegistryDigest = facts.PinIsRegistryDigest,
            Build = build,
            Image = facts.Image,
            Environment = input.Environment,
            Guardrails = input.Revision.Guardrails.Config,
            Volumes = [.. input.Revision.Spec.Volumes.Select(path => new DockerMount(path, path))],
        };
        return new DockerServiceSet([service]) { Main = service };
    }

    private static DockerServiceSet OfImage(CompileInput input, Source.Docker source)
    {
        if (input.Revision.Facts is not { } facts)
        {
            return new DockerServiceSet([]);
        }

        var service = new DockerService
        {
            Reference = source.Image,
            Pin = facts.Pin,
            PinIsRegistryDigest = facts.PinIsRegistryDigest,
            Image = facts.Image,
            Command = source.Command,
            Environment = input.Environment,
            Guardrails = input.Revision.Guardrails.Config,
            Volumes = [.. input.Revision.Spec.Volumes.Select(path => new DockerMount(path, path))],
        };
        return new DockerServiceSet([service]) { Main = service };
    }
}
