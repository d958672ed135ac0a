using McpRuntime.Backends;
using McpRuntime.Core.Planning;

namespace McpRuntime.Faults.Tests.Simulated;

internal sealed record SimRegistrationBody : ResourceBody;

/// <summary>An outer gateway: registrations that are on or off, and lead to whatever the route leads to.</summary>
internal sealed class SimRegistry(SimProcess process, ManualTime time) : SimProvider(process, time)
{
    public const string Id = "registration";

    public static Resource Wanted(CompileInput input, Core.Planning.Endpoint endpoint, bool running) => new(
        Id, ResourceKind.Registration, $"registration:{input.Name}:{(running ? "on" : "off")}", running ? [endpoint.ContainerId] : [], input.Revision.Generation, new SimRegistrationBody())
    {
        BoundTo = running ? endpoint.ContainerId : null,
    };

    protected override Outcome Put(RuntimeIdentity id, Resource resource)
    {
        Store(id, new SimObject(resource.Id, resource.Kind, resource.Fingerprint) { Instance = "outer-id" });
        return new Outcome.Done();
    }

    protected override SeenResource See(SimObject thing) => new() { Id = thing.Id, Kind = thing.Kind, Fingerprint = thing.Fingerprint, Instance = thing.Instance };

    public SimObject? Ours => Objects.FirstOrDefault(o => o.Key.StartsWith(RecordId, StringComparison.Ordinal)).Value;
}
