using System.Text.Json.Nodes;
using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways.Embedded;

namespace McpRuntime.Gateways.ContextForge;

/// <summary>
/// Registrations in ContextForge as resources: found by our tags, never by a remembered id; what does not carry them is somebody else's
/// and is never touched, whatever its name.
/// </summary>
internal sealed class Registrations(ContextForgeWire wire, RegistrySnapshot snapshot, IRegistrationTokens tokens, IRouteTable routes, ContextForgeOptions options) : IResourceProvider
{
    public static string IdOf(string recordId) => $"registration-{recordId}";

    public Task<ProviderView> ObserveAsync(RuntimeIdentity id, CancellationToken ct) => AsViewAsync<ProviderView>(
        async () =>
        {
            var ours = OursOf(id, await snapshot.GetAsync(ct));
            if (ours.Count == 0)
            {
                return new ProviderView.Known([]);
            }

            var markers = await tokens.MarkersAsync(id.RecordId, ct);
            var transport = TransportOf(await routes.OfRecordAsync(id.RecordId, ct));
            return new ProviderView.Known([.. Seen(id.RecordId, ours, markers(id.RecordId), transport)]);
        },
        fault => new ProviderView.Unknown(fault));

    public Task<OwnedView> ObserveAllAsync(CancellationToken ct) => AsViewAsync<OwnedView>(
        async () =>
        {
            // Another installation's registrations are as foreign as anybody's.
            var instance = RegistrationText.Instance(await options.InstanceId(ct));
            var all = await snapshot.GetAsync(ct);
            var markers = await tokens.MarkersAsync(only: null, ct);
            var byRecord = (await routes.ListAsync(ct)).ToLookup(route => route.RecordId, StringComparer.Ordinal);
            return new OwnedView.Known(all
                .Where(gateway => RegistrationText.RecordIn(gateway.Tags) is not null && gateway.Tags.Contains(instance, StringComparer.Ordinal))
                .GroupBy(gateway => RegistrationText.RecordIn(gateway.Tags)!, StringComparer.Ordinal)
                .ToDictionary(
                    group => group.Key,
                    IReadOnlyList<SeenResource> (group) => [.. Seen(group.Key, [.. group], markers(group.Key), TransportOf([.. byRecord[group.Key]]))],
                    StringComparer.Ordinal));
        },
        fault => new OwnedView.Unknown(fault));

    public Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, CancellationToken ct) => resource.Body is RegistrationBody body
        ? AsOutcomeAsync(() => PutAsync(id, body, ct))
        : Task.FromResult<Outcome>(new Outcome.Faulted(new Fault(FaultKind.Refused, "NotARegistration", $"ContextForge has registrations only; {resource.Id} is a {resource.Kind}.")));

    public Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, ResourceKind kind, CancellationToken ct) => AsOutcomeAsync(async () =>
    {
        var all = resourceId == IdOf(id.RecordId);
        var ours = OursOf(id, await wire.ListAsync(ct)).Where(gateway => all || resourceId == Surplus(id.RecordId, gateway)).ToList();
        var gone = !ours.Exists(gateway => gateway.IsGoing);
        foreach (var gateway in ours.Where(gateway => !gateway.IsGoing))
        {
            gone &= await wire.DeleteAsync(gateway.Id, ct);
        }

        if (all)
        {
            await tokens.RevokeAsync(id.RecordId, ct);
        }

        return gone ? new Outcome.Done() : new Outcome.InProgress("ContextForge is deleting the registration.");
    });

    private async Task<Outcome> PutAsync(RuntimeIdentity id, RegistrationBody body, CancellationToken ct)
    {
        var ours = OursOf(id, await wire.ListAsync(ct));
        var marker = (await tokens.MarkersAsync(id.RecordId, ct))(id.RecordId);
        var transport = TransportOf(await routes.OfRecordAsync(id.RecordId, ct));
        if (ours.Count == 0)
        {
            return await CreateAsync(id, body, marker, transport ?? EmbeddedGateway.StreamableHttp, ct);
        }

        var there = ours[0];
        if (there.IsGoing)
        {
            return new Outcome.Faulted(new Fault(FaultKind.Transient, "RegistrationGoing", "ContextForge is still deleting the registration before this one."));
        }

        // Stopped, it needs no new token: nobody may call with it, and it would be handed out for nothing.
        if (IsDifferent(there, body with { Enabled = there.Enabled }, body.Enabled ? marker : RegistrationText.TokenIn(there.Tags), transport))
        {
            var change = await JsonOfAsync(id, body, marker, transport ?? there.Transport ?? EmbeddedGateway.StreamableHttp, ct);
            return await wire.UpdateAsync(there.Id, change, ct) ? new Outcome.Done() : new Outcome.InProgress("ContextForge is changing the registration.");
        }

        // Also where it is enabled and can't be reached: activating is what makes ContextForge connect anew.
        await wire.SetStateAsync(there.Id, body.Enabled, ct);
        return new Outcome.Done();
    }

    private async Task<Outcome> CreateAsync(RuntimeIdentity id, RegistrationBody body, string marker, string transport, CancellationToken ct)
    {
        try
        {
            return await wire.CreateAsync(await JsonOfAsync(id, body, marker, transport, ct), ct) ? new Outcome.Done() : new Outcome.InProgress("ContextForge is connecting to the server.");
        }
        catch (BackendFault fault) when (fault.Fault.Reason == ContextForgeWire.Conflict)
        {
            // An earlier try of ours may have come through without its answer: then it is there by its tags, and the next look adopts it.
            var all = await wire.ListAsync(ct);
            return OursOf(id, all).Count > 0
                ? new Outcome.Done()
                : new Outcome.Faulted(fault.Fault with { Message = $"{fault.Fault.Message} {Holder(all, body)}" });
        }
    }

    private static string Holder(IReadOnlyList<GatewayRead> all, RegistrationBody body)
    {
        var holder = all.FirstOrDefault(gateway => gateway.Name == body.Name || gateway.Url == body.Url);
        return holder is null ? "It is not one that we may see, so it is not ours. Give this runtime another gateway_name, or remove the other."
            : RegistrationText.RecordIn(holder.Tags) is { } record ? $"It is {holder.Name} ({holder.Id}), of runtime {record}. Give one of them another gateway_name."
            : $"It is {holder.Name} ({holder.Id}) at {holder.Url}, which does not carry our tags and is left alone. Give this runtime another gateway_name, or remove the other.";
    }

    private async Task<JsonObject> JsonOfAsync(RuntimeIdentity id, RegistrationBody body, string marker, string transport, CancellationToken ct)
    {
        var json = new JsonObject
        {
            ["name"] = body.Name,
            ["url"] = body.Url,
            ["description"] = body.Description,
            ["transport"] = transport,
            ["auth_type"] = "bearer",
            ["auth_token"] = (await tokens.OpenAsync(id.RecordId, marker, ct)).Reveal(),
            ["tags"] = new JsonArray([.. RegistrationText.All(id.InstanceId, id.RecordId, marker, body.Tags).Select(tag => (JsonNode)tag)]),
            ["visibility"] = body.Visibility,
        };
        if (body.TeamId is { } team)
        {
            json["team_id"] = team;
        }

        return json;
    }

    /// <summary>The oldest is the one; others that carry the same tags (a copy by hand) are surplus.</summary>
    private static IEnumerable<SeenResource> Seen(string recordId, IReadOnlyList<GatewayRead> ours, string marker, string? transport) =>
        ours.Select((gateway, place) => Seen(place == 0 ? IdOf(recordId) : Surplus(recordId, gateway), gateway, marker, transport));

    private static SeenResource Seen(string id, GatewayRead gateway, string marker, string? transport)
    {
        // A token that is due, or a transport that changed, is a difference like any other; of one that is stopped neither is.
        var field = !gateway.Enabled ? null
            : RegistrationText.TokenIn(gateway.Tags) != marker ? "auth_token"
            : transport is not null && gateway.Transport != transport ? "transport"
            : null;
        var (health, message) = gateway switch
        {
            { IsGoing: true } => (Health.Stopped, "ContextForge is deleting it."),
            { IsOnItsWay: true } => (Health.Starting, "ContextForge is connecting to the server."),
            { HasFailed: true } => (Health.Failed, $"ContextForge could not connect to the server: {gateway.Trouble ?? "it does not say why"}. It must be able to reach RUNTIME_PUBLIC_URL."),
            { Enabled: true, Reachable: false } => (Health.Failed, "ContextForge can't reach the server at its address here. It must be able to reach RUNTIME_PUBLIC_URL."),
            _ => (Health.Serving, null),
        };
        return new SeenResource
        {
            Id = id,
            Kind = ResourceKind.Registration,
            Fingerprint = FingerprintOf(gateway) + (field is null ? "" : $"+{field}"),
            Health = health,
            Message = message,
            Instance = gateway.Id,
            DifferingField = field,
        };
    }

    private static bool IsDifferent(GatewayRead there, RegistrationBody body, string? marker, string? transport) =>
        FingerprintOf(there) != body.Fingerprint() || RegistrationText.TokenIn(there.Tags) != marker || (transport is not null && there.Transport != transport);

    private static string FingerprintOf(GatewayRead gateway) => RegistrationBody.FingerprintOf(
        gateway.Name,
        gateway.Url,
        gateway.Visibility,
        gateway.Visibility == "team" ? gateway.TeamId : null,
        gateway.Tags.Where(tag => !RegistrationText.IsOurs(tag)),
        gateway.Enabled);

    private static IReadOnlyList<GatewayRead> OursOf(RuntimeIdentity id, IReadOnlyList<GatewayRead> all) =>
    [
        .. all.Where(gateway => gateway.Tags.Contains(RegistrationText.Instance(id.InstanceId), StringComparer.Ordinal) && gateway.Tags.Contains(RegistrationText.Record(id.RecordId), StringComparer.Ordinal))
            .OrderBy(gateway => gateway.IsGoing),
    ];

    private static string Surplus(string recordId, GatewayRead gateway) => $"{IdOf(recordId)}+{gateway.Id}";

    private static string? TransportOf(IReadOnlyList<GatewayRoute> routes) => routes.Count > 0 ? routes[0].Transport : null;

    private static async Task<T> AsViewAsync<T>(Func<Task<T>> look, Func<Fault, T> faulted)
    {
        try
        {
            return await look();
        }
        catch (BackendFault fault)
        {
            return faulted(fault.Fault);
        }
        catch (Refusal away)
        {
            return faulted(Unreadable(away));
        }
    }

    private static Fault Unreadable(Refusal away) => new(FaultKind.Transient, "RegistrationsUnreadable", $"What a registration is made of could not be read: {away.Detail}");

    private async Task<Outcome> AsOutcomeAsync(Func<Task<Outcome>> effect)
    {
        try
        {
            return await effect();
        }
        catch (BackendFault fault)
        {
            return new Outcome.Faulted(fault.Fault);
        }
        catch (Refusal away)
        {
            return new Outcome.Faulted(Unreadable(away));
        }
        finally
        {
            // Whatever came of it, what was seen before says nothing any more.
            snapshot.Forget();
        }
    }
}
