using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>The networks of a runtime, and the guard's link to the one on which its endpoint is.</summary>
/// <param name="Front">On which the service that speaks MCP is first.</param>
/// <param name="ByName">By the compose file's names; empty for a source of one image.</param>
internal sealed record RuntimeNetworks(Resource Front, Resource? Link, IReadOnlyDictionary<string, Resource> ByName)
{
    public IReadOnlyList<Resource> All => ByName.Count == 0 ? [Front] : [Front, .. ByName.OrderBy(n => n.Key, StringComparer.Ordinal).Select(n => n.Value).Where(n => n.Id != Front.Id)];

    public static RuntimeNetworks Of(CompileInput input, DockerServiceSet set)
    {
        // A host list runs closed until the guard filters by it: tighter than asked, never looser.
        var closed = Egress.Of(input.Revision.Guardrails.Config.Network) is not Egress.All;
        if (set.File is not { } file)
        {
            var only = Network(input, new NetworkBody(closed), name: null);
            return new RuntimeNetworks(only, closed ? LinkOf(input, only) : null, new Dictionary<string, Resource>(StringComparer.Ordinal));
        }

        var first = set.Main!.Compose!.Networks[0];
        var byName = file.Networks.ToDictionary(
            n => n.Name,
            n => Network(input, new NetworkBody(closed || n.Internal, Shared: true), n.Name == first ? null : n.Name),
            StringComparer.Ordinal);
        var front = byName[first];
        return new RuntimeNetworks(front, ((NetworkBody)front.Body).Closed ? LinkOf(input, front) : null, byName);
    }

    /// <summary>The one of a source of one image whose egress is open: a build's steps are on it too.</summary>
    public static Resource Open(CompileInput input) => Network(input, new NetworkBody(Closed: false), name: null);

    /// <summary>Those of one service, in its order; the first is the one whose address counts.</summary>
    public IReadOnlyList<string> Of(DockerService service)
    {
        if (service.Compose is not { } compose)
        {
            return [Front.Id];
        }

        // The front first: the guard and the gateway find the endpoint there.
        return [.. compose.Networks.Select(n => ByName[n].Id).OrderBy(id => id == Front.Id ? 0 : 1)];
    }

    private static Resource Network(CompileInput input, NetworkBody body, string? name) =>
        new(DockerNames.Network(input.Identity, body, name), ResourceKind.Network, body.Shape.Fingerprint, [], input.Revision.Generation, body);

    private static Resource LinkOf(CompileInput input, Resource network) => new(
        DockerNames.GuardLink(input.Identity), ResourceKind.GuardLink, GuardLinkBody.Fingerprint(network.Id), [network.Id], input.Revision.Generation, new GuardLinkBody(network.Id));
}
