using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Gateways.Embedded;

namespace McpRuntime.Gateways.ContextForge;

/// <summary>The embedded gateway serves the traffic; a registration in ContextForge leads its clients there.</summary>
internal sealed class ContextForgeGateway(EmbeddedGateway routes, Registrations registrations, ContextForgeOptions options) : IGateway
{
    public IResourceProvider Registry => registrations;

    /// <summary>Put once the container it leads to has passed its handshake: ContextForge connects to it at once. Stopped, it stays and is inactive.</summary>
    public IReadOnlyList<Resource> Compile(CompileInput input, Endpoint endpoint, bool running)
    {
        if (!input.Revision.Spec.RegisterGateway)
        {
            return [];
        }

        var body = RegistrationBody.Of(input, options.PublicUrl, running);
        var registration = new Resource(
            Registrations.IdOf(input.Identity.RecordId),
            ResourceKind.Registration,
            body.Fingerprint(),
            running ? [endpoint.ContainerId] : [],
            input.Revision.Generation,
            body)
        {
            BoundTo = running ? endpoint.ContainerId : null,
        };
        return [.. routes.Compile(input, endpoint, running), registration];
    }

    public Task<ProviderView> ObserveAsync(RuntimeIdentity id, CancellationToken ct) => routes.ObserveAsync(id, ct);

    public Task<OwnedView> ObserveAllAsync(CancellationToken ct) => routes.ObserveAllAsync(ct);

    public Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, CancellationToken ct) => routes.PutAsync(id, resource, ct);

    public Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, ResourceKind kind, CancellationToken ct) => routes.RemoveAsync(id, resourceId, kind, ct);
}
