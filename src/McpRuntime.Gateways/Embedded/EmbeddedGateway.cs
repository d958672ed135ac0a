using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Embedded;

/// <summary>
/// The gateway that is part of the service. Its only resource is the route, a row of the database that every replica reads.
/// </summary>
/// <remarks>
/// A route leads to a path that may have been found by probing. The fingerprint covers what was asked for; a route whose path,
/// transport or tools are not what the prober now says of the same incarnation is seen as different, and so is put again.
/// </remarks>
internal sealed partial class EmbeddedGateway(IRouteTable routes, IProber prober, TimeProvider time, ILogger<EmbeddedGateway> logger) : IGateway
{
    public const string StreamableHttp = "STREAMABLEHTTP";
    public const string Sse = "SSE";

    public IReadOnlyList<Resource> Compile(CompileInput input, Endpoint endpoint, bool running)
    {
        var spec = input.Revision.Spec;
        if (!running || !spec.RegisterGateway)
        {
            return [];
        }

        var body = new RouteBody
        {
            Name = spec.GatewayName ?? input.Name,
            Path = endpoint.Path,
            Transport = endpoint.Transport,
            Visibility = spec.Visibility,
            TeamId = spec.TeamId,
            CreatedBy = input.CreatedBy,
            Tags = spec.Tags,
            ContainerId = endpoint.ContainerId,
        };
        return [new Resource(RouteId(input.Identity), ResourceKind.Route, body.Fingerprint(), [endpoint.ContainerId], input.Revision.Generation, body) { BoundTo = endpoint.ContainerId }];
    }

    public async Task<ProviderView> ObserveAsync(RuntimeIdentity id, CancellationToken ct)
    {
        try
        {
            var seen = await routes.OfRecordAsync(id.RecordId, ct);
            return new ProviderView.Known([.. seen.Select(Seen)]);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new ProviderView.Unknown(Away(e));
        }
    }

    public async Task<OwnedView> ObserveAllAsync(CancellationToken ct)
    {
        try
        {
            var all = await routes.ListAsync(ct);
            return new OwnedView.Known(all
                .GroupBy(route => route.RecordId, StringComparer.Ordinal)
                .ToDictionary(group => group.Key, IReadOnlyList<SeenResource> (group) => [.. group.Select(Seen)], StringComparer.Ordinal));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new OwnedView.Unknown(Away(e));
        }
    }

    public async Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, CancellationToken ct)
    {
        if (resource.Body is not RouteBody body)
        {
            return new Outcome.Faulted(new Fault(FaultKind.Refused, "NotARoute", $"The embedded gateway has routes only; {resource.Id} is a {resource.Kind}."));
        }

        if (body.Address is null)
        {
            return new Outcome.Faulted(new Fault(FaultKind.Transient, "NoAddress", $"The container {body.ContainerId} has no address yet."));
        }

        try
        {
            var before = (await routes.OfRecordAsync(id.RecordId, ct)).FirstOrDefault(route => route.Id == resource.Id);
            return await routes.PutAsync(RouteOf(id, resource, body, body.Address, before), ct)
                ? new Outcome.Done()
                : new Outcome.Faulted(new Fault(FaultKind.Transient, "GatewayNameTaken", $"Another runtime is reached as /mcp/{body.Name}. Give this one another gateway_name, or remove the other."));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new Outcome.Faulted(Away(e));
        }
    }

    public async Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, ResourceKind kind, CancellationToken ct)
    {
        try
        {
            await routes.RemoveAsync(id.RecordId, resourceId, ct);
            return new Outcome.Done();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return new Outcome.Faulted(Away(e));
        }
    }

    /// <summary>Unique over all records: it is the entry's id at <c>GET /gateways</c> and a key of the table.</summary>
    public static string RouteId(RuntimeIdentity id) => $"route-{id.RecordId}";

    private GatewayRoute RouteOf(RuntimeIdentity id, Resource resource, RouteBody body, UpstreamAddress address, GatewayRoute? before)
    {
        var probed = WordOn(id.RecordId, body.Instance);
        var transport = body.Transport switch
        {
            GatewayTransport.StreamableHttp => StreamableHttp,
            GatewayTransport.Sse => Sse,
            GatewayTransport.Stdio or null => probed?.Transport ?? before?.Transport ?? StreamableHttp,
        };
        return new GatewayRoute(
            resource.Id,
            id.RecordId,
            body.Name,
            address,
            body.Instance,

            // A path that redirected to another is probed to the other: what worked is what is used, declared or not.
            probed?.Path ?? body.Path ?? before?.Path ?? (transport == Sse ? "/sse" : "/mcp"),
            transport,
            body.Visibility.ToString().ToLowerInvariant(),
            body.TeamId,
            body.CreatedBy,
            body.Tags,
            probed?.Tools ?? before?.Tools ?? [],
            before?.RegisteredAt ?? time.GetUtcNow(),
            resource.Fingerprint);
    }

    private SeenResource Seen(GatewayRoute route)
    {
        var field = DifferenceFrom(WordOn(route.RecordId, route.Instance), route);
        return new SeenResource
        {
            Id = route.Id,
            Kind = ResourceKind.Route,
            Fingerprint = field is null ? route.Fingerprint : $"{route.Fingerprint}+{field}",
            Instance = route.Instance,
            Address = route.Address,
            StartedAt = route.RegisteredAt,
            DifferingField = field,
        };
    }

    private static string? DifferenceFrom(Handshake? probed, GatewayRoute route) => probed switch
    {
        null => null,
        { Path: { } path } when path != route.Path => "path",
        { Transport: { } transport } when transport != route.Transport => "transport",
        { Tools: { } tools } when !tools.SequenceEqual(route.Tools, StringComparer.Ordinal) => "tools",
        _ => null,
    };

    private Handshake? WordOn(string recordId, string instance) =>
        prober.Results(recordId).Values.FirstOrDefault(word => word.Instance == instance && word.Verdict is HandshakeVerdict.Passed or HandshakeVerdict.Challenged);

    private Fault Away(Exception e)
    {
        Log.RoutesAway(logger, e);
        return new Fault(FaultKind.Transient, "RoutesUnreachable", $"The gateway's routes could not be read or written: {e.Message}");
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "The gateway's routes could not be read or written")]
        public static partial void RoutesAway(ILogger logger, Exception e);
    }
}
