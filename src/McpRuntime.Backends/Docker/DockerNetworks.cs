using System.Net;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>One bridge a runtime and mode. Its subnet is chosen here, since only the engine and its host know what is free.</summary>
internal sealed class DockerNetworks(DockerWire wire, SubnetPool pool)
{
    /// <summary>Somebody else may take a subnet between our look and our create; each time the look is repeated.</summary>
    private const int Tries = 5;

    private static readonly Outcome Done = new Outcome.Done();

    public async Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, NetworkBody body, CancellationToken ct)
    {
        if (await wire.InspectNetworkAsync(resource.Id, ct) is { } live)
        {
            if (!DockerNames.IsOurs(id, live.Labels))
            {
                return Faults.NotOurs("network", resource.Id);
            }

            if (NetworkShape.Of(live).Fingerprint == resource.Fingerprint)
            {
                return Done;
            }

            if (live.Containers is { Count: > 0 } attached)
            {
                return Faults.Of(FaultKind.Transient, "NetworkInUse", $"The network {resource.Id} was changed by hand and can only be made again when nothing is attached to it; {attached.Count} are. Stop the runtime once.");
            }

            _ = await wire.RemoveNetworkAsync(live.Id, ct);
        }

        return await CreateAsync(id, resource.Id, body, ct);
    }

    public async Task<Outcome> RemoveAsync(RuntimeIdentity id, string name, CancellationToken ct)
    {
        if (await wire.InspectNetworkAsync(name, ct) is not { } live)
        {
            return Done;
        }

        if (!DockerNames.IsOurs(id, live.Labels))
        {
            return Faults.NotOurs("network", name);
        }

        var (answer, message) = await wire.RemoveNetworkAsync(live.Id, ct);
        return answer switch
        {
            RemoveAnswer.Removed or RemoveAnswer.Absent => Done,
            RemoveAnswer.InUse => Faults.Of(FaultKind.Transient, "NetworkInUse", $"The engine did not remove the network {name}: {message}"),
        };
    }

    private async Task<Outcome> CreateAsync(RuntimeIdentity id, string name, NetworkBody body, CancellationToken ct)
    {
        for (var attempt = 0; attempt < Tries; attempt++)
        {
            if (pool.Reserve(name + attempt, await UsedAsync(ct)) is not { } subnet)
            {
                return Faults.Of(FaultKind.Transient, "SubnetPoolExhausted", $"All {pool.Count} subnets of the pool are in use: set RUNTIME_DOCKER_SUBNET_POOL to a larger network.");
            }

            try
            {
                var shape = body.Shape;
                if (await wire.CreateNetworkAsync(
                    new NetworkCreate
                    {
                        Name = name,
                        Driver = shape.Driver,
                        Internal = shape.Internal,
                        Ipam = new Ipam("default", [new IpamConfig(subnet)]),
                        Options = shape.Options,
                        Labels = DockerNames.Labels(id, "network"),
                    },
                    ct))
                {
                    return Done;
                }
            }
            finally
            {
                pool.Release(subnet);
            }
        }

        return Faults.Of(FaultKind.Transient, "SubnetTaken", $"{Tries} subnets that looked free overlapped something the engine knows of; it is tried again.");
    }

    private async Task<IReadOnlyCollection<IPNetwork>> UsedAsync(CancellationToken ct)
    {
        var networks = await wire.ListNetworksAsync(ct);
        var routes = wire.Endpoint.IsLocal ? await HostRoutes.ReadAsync(ct) : [];
        return
        [
            .. routes,
            .. networks.SelectMany(n => n.Ipam?.Config ?? []).Select(c => c.Subnet).OfType<string>().Where(s => IPNetwork.TryParse(s, out _)).Select(IPNetwork.Parse),
        ];
    }
}
