using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>What a runtime has once, whatever its services: its network, and the guard's link to it.</summary>
internal static class RuntimeNetwork
{
    public static Resource Of(CompileInput input, bool closed)
    {
        var body = new NetworkBody(closed);
        return new Resource(DockerNames.Network(input.Identity, closed), ResourceKind.Network, body.Shape.Fingerprint, [], input.Revision.Generation, body);
    }

    public static Resource LinkOf(CompileInput input, Resource network) => new(
        DockerNames.GuardLink(input.Identity), ResourceKind.GuardLink, GuardLinkBody.Fingerprint(network.Id), [network.Id], input.Revision.Generation, new GuardLinkBody(network.Id));
}
