using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>The networks of a runtime, and what the guard has on them.</summary>
/// <param name="Front">On which the service that speaks MCP is first.</param>
/// <param name="Guarded">The guard's links, and what it lets out: of the front where it is closed, and of every network from which a host list leads out.</param>
/// <param name="ByName">By the compose file's names; empty for a source of one image.</param>
internal sealed record RuntimeNetworks(Resource Front, IReadOnlyList<Resource> Guarded, IReadOnlyDictionary<string, Resource> ByName)
{
    public IReadOnlyList<Resource> All => ByName.Count == 0 ? [Front] : [Front, .. InOrder(ByName).Where(n => n.Id != Front.Id)];

    public static RuntimeNetworks Of(CompileInput input, DockerServiceSet set)
    {
        var guardrails = input.Revision.Guardrails;
        var closed = Egress.Of(guardrails.Config.Network) is not Egress.All;
        if (set.File is not { } file)
        {
            var only = Network(input, new NetworkBody(closed), WayOut.NameOf(guardrails), name: null);
            return new RuntimeNetworks(only, [.. GuardedOn(input, only, WayOut.Of(guardrails), isFront: true)], new Dictionary<string, Resource>(StringComparer.Ordinal));
        }

        var first = set.Main!.Compose!.Networks[0];
        var byName = file.Networks.ToDictionary(
            n => n.Name,
            n => Network(
                input, new NetworkBody(closed || n.Internal, Shared: true), n.Internal ? WayOut.Closed : closed ? WayOut.NameOf(guardrails) : WayOut.Shared, n.Name == first ? null : n.Name),
            StringComparer.Ordinal);
        var front = byName[first];
        return new RuntimeNetworks(front, [.. file.Networks.OrderBy(n => n.Name, StringComparer.Ordinal).SelectMany(n => GuardedOn(input, byName[n.Name], n.Internal ? null : WayOut.Of(guardrails), byName[n.Name].Id == front.Id))], byName);
    }

    /// <summary>The one of a source of one image whose egress is open: a build's steps are on it too.</summary>
    public static Resource Open(CompileInput input) => Network(input, new NetworkBody(Closed: false), WayOut.Open, name: null);

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

    private static IEnumerable<Resource> InOrder(IReadOnlyDictionary<string, Resource> byName) => byName.OrderBy(n => n.Key, StringComparer.Ordinal).Select(n => n.Value);

    private static Resource Network(CompileInput input, NetworkBody body, string way, string? name) =>
        new(DockerNames.Network(input.Identity, way, name), ResourceKind.Network, body.Shape.Fingerprint, [], input.Revision.Generation, body);

    /// <summary>Nothing on an open network.</summary>
    /// <param name="way">Null: nothing gets out of it.</param>
    private static IEnumerable<Resource> GuardedOn(CompileInput input, Resource network, WayOut? way, bool isFront)
    {
        if (network.Body is not NetworkBody { Closed: true } || (way is null && !isFront))
        {
            yield break;
        }

        var link = new Resource(
            DockerNames.GuardLink(network.Id), ResourceKind.GuardLink, GuardLinkBody.Fingerprint(network.Id), [network.Id], input.Revision.Generation, new GuardLinkBody(network.Id));
        yield return link;
        if (way is not null)
        {
            var body = new GuardPolicyBody(network.Id, way, input.Identity.RecordId);
            yield return new Resource(DockerNames.GuardPolicy(network.Id), ResourceKind.GuardPolicy, body.Fingerprint, [link.Id], input.Revision.Generation, body);
        }
    }
}
