using System.Net;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Wire;

internal enum RemoveAnswer
{
    Removed,
    Absent,

    /// <summary>Something of somebody's still uses it.</summary>
    InUse,
}

internal sealed partial class DockerWire
{
    /// <summary>With no label: every network of the engine, anybody's (for the subnets in use).</summary>
    public async Task<IReadOnlyList<NetworkInspect>> ListNetworksAsync(CancellationToken ct, params string[] labels)
    {
        var path = labels.Length == 0 ? "/networks" : $"/networks?filters={Filters([.. labels.Select(l => ("label", l))])}";
        return await GetAsync(path, DockerJson.Default.ListNetworkInspect, ct) ?? [];
    }

    /// <summary>Null: there is none. With the running containers attached to it.</summary>
    public Task<NetworkInspect?> InspectNetworkAsync(string id, CancellationToken ct) =>
        GetAsync($"/networks/{Segment(id)}", DockerJson.Default.NetworkInspect, ct);

    /// <summary>False: the subnet overlaps another network's or a route of the host (the engine's 403 and, since 26, 400). A taken name is a Transient fault.</summary>
    public async Task<bool> CreateNetworkAsync(NetworkCreate create, CancellationToken ct)
    {
        var (status, message) = await StatusAsync(
            HttpMethod.Post, "/networks/create", Json(create, DockerJson.Default.NetworkCreate), ct, timeout: null, HttpStatusCode.Forbidden, HttpStatusCode.BadRequest);
        if (status is HttpStatusCode.Created or HttpStatusCode.OK)
        {
            return true;
        }

        return message.Contains("overlap", StringComparison.OrdinalIgnoreCase)
            ? false
            : throw new BackendFault(new Fault(FaultKind.Refused, "NetworkRefused", $"The engine refused the network {create.Name}: {message}"));
    }

    /// <summary>Connected already is a success. False: the network or the container is not there.</summary>
    /// <param name="alias">A name for its neighbours there; null = none but its own.</param>
    public async Task<bool> ConnectNetworkAsync(string network, string container, CancellationToken ct, string? alias = null)
    {
        var endpoint = alias is null ? null : new EndpointSettings(NetworkId: null, IpAddress: null, Aliases: [alias]);
        var body = Json(new NetworkConnect(container, EndpointConfig: endpoint), DockerJson.Default.NetworkConnect);
        var (status, message) = await StatusAsync(
            HttpMethod.Post, $"/networks/{Segment(network)}/connect", body, ct, timeout: null, HttpStatusCode.NotFound, HttpStatusCode.Forbidden, HttpStatusCode.Conflict);
        return status switch
        {
            HttpStatusCode.NotFound => false,
            HttpStatusCode.Forbidden or HttpStatusCode.Conflict when !message.Contains("already exists", StringComparison.OrdinalIgnoreCase) =>
                throw new BackendFault(new Fault(FaultKind.Transient, "EngineConflict", $"The engine did not connect {container} to {network}: {message}")),
            _ => true,
        };
    }

    /// <summary>Not connected, or not there, is a success.</summary>
    public async Task DisconnectNetworkAsync(string network, string container, CancellationToken ct)
    {
        var body = Json(new NetworkConnect(container, Force: true), DockerJson.Default.NetworkConnect);
        _ = await StatusAsync(
            HttpMethod.Post, $"/networks/{Segment(network)}/disconnect", body, ct, timeout: null, HttpStatusCode.NotFound, HttpStatusCode.Forbidden, HttpStatusCode.Conflict);
    }

    /// <summary>The engine refuses while a running container is attached.</summary>
    public async Task<(RemoveAnswer Answer, string Message)> RemoveNetworkAsync(string id, CancellationToken ct)
    {
        var (status, message) = await StatusAsync(
            HttpMethod.Delete, $"/networks/{Segment(id)}", content: null, ct, timeout: null, HttpStatusCode.NotFound, HttpStatusCode.Forbidden, HttpStatusCode.Conflict);
        return (Removal(status), message);
    }

    private static RemoveAnswer Removal(HttpStatusCode status) => status switch
    {
        HttpStatusCode.NotFound => RemoveAnswer.Absent,
        HttpStatusCode.Forbidden or HttpStatusCode.Conflict => RemoveAnswer.InUse,
        _ => RemoveAnswer.Removed,
    };
}
