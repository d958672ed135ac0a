using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>What a runtime has once, whatever its services: its network, and on a closed one the guard's link to it and what the guard lets out.</summary>
internal static class RuntimeNetwork
{
    public static Resource Of(CompileInput input)
    {
        var body = new NetworkBody(Closed: Egress.Of(input.Revision.Guardrails.Config.Network) is not Egress.All);
        return new Resource(
            DockerNames.Network(input.Identity, WayOut.NameOf(input.Revision.Guardrails)), ResourceKind.Network, body.Shape.Fingerprint, [], input.Revision.Generation, body);
    }

    /// <summary>Nothing for an open network.</summary>
    public static IReadOnlyList<Resource> GuardedBy(CompileInput input, Resource network)
    {
        if (network.Body is not NetworkBody { Closed: true })
        {
            return [];
        }

        var link = new Resource(
            DockerNames.GuardLink(network.Id), ResourceKind.GuardLink, GuardLinkBody.Fingerprint(network.Id), [network.Id], input.Revision.Generation, new GuardLinkBody(network.Id));
        if (WayOut.Of(input.Revision.Guardrails) is not { } way)
        {
            return [link];
        }

        var body = new GuardPolicyBody(network.Id, way, input.Identity.RecordId);
        return [link, new Resource(DockerNames.GuardPolicy(network.Id), ResourceKind.GuardPolicy, body.Fingerprint, [link.Id], input.Revision.Generation, body)];
    }
}
