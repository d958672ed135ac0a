using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>What a revision's source says should run: its services, or why it can't.</summary>
/// <param name="Services">Empty until resolved. The first is the one that speaks MCP.</param>
internal sealed record DockerServiceSet(IReadOnlyList<DockerService> Services, Fault? Refused = null)
{
    public static DockerServiceSet Of(CompileInput input) => input.Revision.Spec.Source.Match(
        docker => OfImage(input, docker),
        gitHub => NotYet(gitHub),
        compose => NotYet(compose));

    private static DockerServiceSet OfImage(CompileInput input, Source.Docker source) => new(input.Revision.Facts is not { } facts
        ? []
        : [
            new DockerService
            {
                Reference = source.Image,
                Pin = facts.Pin,
                PinIsRegistryDigest = facts.PinIsRegistryDigest,
                Image = facts.Image,
                Command = source.Command,
                Environment = input.Environment,
                Guardrails = input.Revision.Guardrails.Config,
                Volumes = input.Revision.Spec.Volumes,
            },
        ]);

    private static DockerServiceSet NotYet(Source source) => new(
        [], new Fault(FaultKind.Refused, "SourceNotSupportedYet", $"A {source.Type} source cannot be run yet; deploy a built image (source type docker)."));
}
