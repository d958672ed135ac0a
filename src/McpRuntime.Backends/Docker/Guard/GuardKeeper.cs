using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Guard;

/// <summary>
/// Keeps the guard: made with the first link, repaired by any, removed with the last. Whatever is wrong with it closes; a guard that
/// is not the one asked for counts as not running, so that the links that need it are put again.
/// </summary>
internal sealed class GuardKeeper(DockerWire wire, SubnetPool pool, DockerInstallation installation, GuardOptions options, TimeProvider time)
    : IGuard, IGuardPolicies, IDisposable
{
    private static readonly TimeSpan ImageFresh = TimeSpan.FromSeconds(15);

    /// <summary>A start takes some 300 ms; a turn waits no longer than this, the next one looks again.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);
    /// <summary>A subnet that looks free may be a route of the engine's host, which only the engine knows.</summary>
    private const int SubnetTries = 16;

    private static readonly Outcome Done = new Outcome.Done();

    // One change at a time: the last unlink must not remove the guard under a first link.
    private readonly SemaphoreSlim _changing = new(1);
    private readonly GuardClient _client = new(options, time);
    private (string? Id, long At)? _image;

    public void Dispose()
    {
        _changing.Dispose();
        _client.Dispose();
    }

    public async Task<GuardState> StateAsync(CancellationToken ct)
    {
        var names = await NamesAsync(ct);
        if (await wire.InspectContainerAsync(names.Guard, ct) is not { } live || !GuardShape.IsOurs(names.Instance, live.Config.Labels))
        {
            return GuardState.Absent;
        }

        var (wanted, imageKnown) = await WantedAsync(names, live.Image, ct);
        var asAsked = live.State is { Running: true, Paused: false } && GuardShape.DifferingField(wanted, live, imageKnown) is null;
        return new GuardState(live.Id, asAsked, asAsked ? Address(live, names, options.PublishedRelayPort, GuardPorts.Relay) : null, LinkedTo(live, names));
    }

    public Task<Outcome> LinkAsync(string network, CancellationToken ct) => ChangeAsync(async names =>
    {
        if (await wire.InspectNetworkAsync(network, ct) is not { } found)
        {
            return Faulted(FaultKind.Transient, "NetworkMissing", $"The network {network} is not there yet.");
        }

        if (!GuardShape.IsOfInstance(names.Instance, found.Labels) || !found.Internal)
        {
            return Faulted(FaultKind.Refused, "NotOurs", $"The network {network} is not a closed network of this installation: the guard stays out of it.");
        }

        var (live, fault) = await EnsureAsync(names, ct);
        if (live is null)
        {
            return fault!;
        }

        if (LinkedTo(live, names).Contains(network))
        {
            return Done;
        }

        if (!await AnswersAsync(live, names, ct))
        {
            return new Outcome.InProgress($"The guard is starting; if that goes on, its words are in the log of the container {names.Guard}.");
        }

        // Its subnet may have been another network's before: what that one was allowed, this one is not.
        var control = Address(live, names, options.PublishedControlPort, GuardPorts.Control)!;
        var subnets = Subnets(found);
        foreach (var stale in (await _client.PoliciesAsync(control, ct)).Where(p => p.Id == network || subnets.Contains(p.Network)))
        {
            await _client.RemovePolicyAsync(control, stale.Id, ct);
        }

        return await wire.ConnectNetworkAsync(network, names.Guard, ct)
            ? Done
            : Faulted(FaultKind.Transient, "NetworkMissing", $"The network {network} went away while the guard was being connected to it.");
    }, ct);

    public Task<Outcome> UnlinkAsync(string network, CancellationToken ct) => ChangeAsync(async names =>
    {
        if (await wire.InspectContainerAsync(names.Guard, ct) is not { } live || !GuardShape.IsOurs(names.Instance, live.Config.Labels))
        {
            return Done;
        }

        var linked = LinkedTo(live, names);
        if (!linked.Contains(network))
        {
            return linked.Count == 0 ? await RemoveAllAsync(live, names, ct) : Done;
        }

        if (linked.Count == 1)
        {
            return await RemoveAllAsync(live, names, ct);
        }

        // The policy first: were it the other way round, a subnet could be given out again with a policy still on it.
        if (live.State.Running && Address(live, names, options.PublishedControlPort, GuardPorts.Control) is { } control)
        {
            await _client.RemovePolicyAsync(control, network, ct);
        }

        await wire.DisconnectNetworkAsync(network, names.Guard, ct);
        return Done;
    }, ct);

    public async Task<IReadOnlyList<GuardPolicy>> PoliciesAsync(CancellationToken ct) =>
        await ControlAsync(ct) is { } control ? await _client.PoliciesAsync(control, ct) : [];

    public Task<Outcome> PutPolicyAsync(string network, IReadOnlyList<string> allowedHosts, bool strict, string record, CancellationToken ct) => ChangeAsync(async names =>
    {
        if (await wire.InspectNetworkAsync(network, ct) is not { } found || Subnets(found) is not [var subnet, ..])
        {
            return Faulted(FaultKind.Transient, "NetworkMissing", $"The network {network} is not there yet.");
        }

        if (!(await StateAsync(ct)).Networks.Contains(network) || await ControlAsync(ct) is not { } control)
        {
            return Faulted(FaultKind.Transient, "GuardMissing", $"The guard does not run, or is not linked to {network}.");
        }

        await _client.PutPolicyAsync(control, new GuardPolicy(network, subnet, allowedHosts, strict, record), ct);
        return Done;
    }, ct);

    public Task<Outcome> RemovePolicyAsync(string network, CancellationToken ct) => ChangeAsync(async _ =>
    {
        if (await ControlAsync(ct) is { } control)
        {
            await _client.RemovePolicyAsync(control, network, ct);
        }

        return Done;
    }, ct);

    public async Task<GuardRefusalPage?> RefusalsAsync(long after, CancellationToken ct) =>
        await ControlAsync(ct) is { } control ? await _client.RefusalsAsync(control, after, ct) : null;

    public async Task<GuardTrafficList?> TrafficAsync(CancellationToken ct) =>
        await ControlAsync(ct) is { } control ? await _client.TrafficAsync(control, ct) : null;

    private async Task<Outcome> ChangeAsync(Func<Names, Task<Outcome>> change, CancellationToken ct)
    {
        await _changing.WaitAsync(ct);
        try
        {
            return await change(await NamesAsync(ct));
        }
        catch (BackendFault e)
        {
            return new Outcome.Faulted(e.Fault);
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>The guard as asked for and running, or why not.</summary>
    private async Task<(ContainerInspect? Live, Outcome? Fault)> EnsureAsync(Names names, CancellationToken ct)
    {
        var live = await wire.InspectContainerAsync(names.Guard, ct);
        if (live is not null && !GuardShape.IsOurs(names.Instance, live.Config.Labels))
        {
            return (null, Faulted(FaultKind.Refused, "NotOurs", $"A container named {names.Guard} exists and is not this installation's: remove or rename it."));
        }

        var (wanted, imageKnown) = await WantedAsync(names, live?.Image, ct);
        if (live is not null && GuardShape.DifferingField(wanted, live, imageKnown) is null)
        {
            return await RunningAsync(live, names, ct);
        }

        if (!imageKnown)
        {
            return (null, Faulted(FaultKind.Transient, "GuardImageMissing", $"The engine has no image {options.Image}, which closed runtimes are reached through. Build it with \"make image\"."));
        }

        return await ReplaceAsync(live, wanted, names, ct);
    }

    /// <summary>Takes the old one's links and policies along, so that a replaced guard costs its clients a reconnect and no more.</summary>
    private async Task<(ContainerInspect? Live, Outcome? Fault)> ReplaceAsync(ContainerInspect? old, ContainerCreate wanted, Names names, CancellationToken ct)
    {
        var links = old is null ? [] : LinkedTo(old, names);
        var policies = old is null ? null : await SavedPoliciesAsync(names, ct);
        if (await EnsureOuterNetworkAsync(names, ct) is { } fault)
        {
            return (null, fault);
        }

        await wire.RemoveContainerAsync(names.Guard, ct);
        if (await wire.CreateContainerAsync(names.Guard, wanted, ct) is null)
        {
            return (null, Faulted(FaultKind.Transient, "GuardImageMissing", $"The image {options.Image} went away while the guard was being made."));
        }

        foreach (var link in links)
        {
            // One that went meanwhile is not missed: its runtime puts it again if it wants it.
            await wire.ConnectNetworkAsync(link, names.Guard, ct);
        }

        return await wire.InspectContainerAsync(names.Guard, ct) is { } live
            ? await RunningAsync(live, names, ct, policies)
            : (null, Faulted(FaultKind.Transient, "GuardGone", "The guard was removed while it was being made."));
    }

    private async Task<(ContainerInspect? Live, Outcome? Fault)> RunningAsync(ContainerInspect live, Names names, CancellationToken ct, byte[]? policies = null)
    {
        if (live.State is { Running: true, Paused: false })
        {
            return (live, null);
        }

        if (live.State.Paused)
        {
            await wire.UnpauseContainerAsync(names.Guard, ct);
        }
        else
        {
            // Written before every start: a crash between create and this must not leave a guard without its token.
            await wire.PutArchiveAsync(names.Guard, GuardShape.StateFolder, GuardArchive.Write(options.Token, options.User, policies), ct);
            var (answer, message) = await wire.StartContainerAsync(names.Guard, ct);
            if (answer == StartAnswer.NotFound)
            {
                // A network it was on is gone for good; made again, it is on those that are left.
                await wire.RemoveContainerAsync(names.Guard, ct);
                return (null, Faulted(FaultKind.Transient, "GuardStart", $"The guard could not be started and is made again: {message}"));
            }
        }

        return await wire.InspectContainerAsync(names.Guard, ct) is { State.Running: true } running
            ? (running, null)
            : (null, Faulted(FaultKind.Transient, "GuardStart", $"The guard ended as soon as it was started; its words are in the log of the container {names.Guard}."));
    }

    private async Task<bool> AnswersAsync(ContainerInspect live, Names names, CancellationToken ct)
    {
        var control = Address(live, names, options.PublishedControlPort, GuardPorts.Control);
        var started = time.GetTimestamp();
        while (control is not null)
        {
            if (await _client.HealthAsync(control, ct) is not null)
            {
                return true;
            }

            if (time.GetElapsedTime(started) > StartPatience)
            {
                return false;
            }

            await Task.Delay(Poll, time, ct);
        }

        return false;
    }

    private async Task<Outcome?> EnsureOuterNetworkAsync(Names names, CancellationToken ct)
    {
        if (await wire.InspectNetworkAsync(names.Guard, ct) is { } network)
        {
            return GuardShape.IsOurs(names.Instance, network.Labels)
                ? null
                : Faulted(FaultKind.Refused, "NotOurs", $"A network named {names.Guard} exists and is not this installation's: remove or rename it.");
        }

        for (var attempt = 0; attempt < SubnetTries; attempt++)
        {
            var networks = await wire.ListNetworksAsync(ct);
            var used = networks.SelectMany(Subnets).Where(s => IPNetwork.TryParse(s, out _)).Select(IPNetwork.Parse).ToArray();
            if (pool.Reserve(names.Guard + Text(attempt), used) is not { } subnet)
            {
                break;
            }

            try
            {
                var create = new NetworkCreate { Name = names.Guard, Ipam = new Ipam("default", [new IpamConfig(subnet)]), Labels = GuardShape.Labels(names.Instance) };
                if (await wire.CreateNetworkAsync(create, ct))
                {
                    return null;
                }
            }
            finally
            {
                pool.Release(subnet);
            }
        }

        return Faulted(FaultKind.Transient, "SubnetTaken", "No subnet of the pool could be had for the guard's outer network: set RUNTIME_DOCKER_SUBNET_POOL to a network that nothing else uses.");
    }

    /// <summary>
    /// The container last: while it is there its link is seen, so that a crash at any point leaves a link to remove and this is come
    /// to again.
    /// </summary>
    private async Task<Outcome> RemoveAllAsync(ContainerInspect live, Names names, CancellationToken ct)
    {
        if (live.State.Paused)
        {
            await wire.UnpauseContainerAsync(live.Id, ct);
        }

        await wire.KillContainerAsync(live.Id, ct);
        var (answer, message) = await wire.RemoveNetworkAsync(names.Guard, ct);
        if (answer == RemoveAnswer.InUse)
        {
            return Faulted(FaultKind.Transient, "NetworkInUse", $"The guard's outer network {names.Guard} could not be removed: {message}");
        }

        await wire.RemoveContainerAsync(live.Id, ct);
        return Done;
    }

    /// <summary>Null: there are none, or the old guard is too broken to say.</summary>
    private async Task<byte[]?> SavedPoliciesAsync(Names names, CancellationToken ct)
    {
        const long Largest = 16L << 20;
        try
        {
            var archive = await wire.GetArchiveAsync(names.Guard, $"{GuardShape.StateFolder}/{GuardShape.OwnFolder}/{GuardArchive.PoliciesFile}", Largest, ct);
            return GuardArchive.ReadFile(archive, GuardArchive.PoliciesFile);
        }
        catch (BackendFault)
        {
            return null;
        }
    }

    /// <param name="liveImage">Stands in while the image's name leads nowhere.</param>
    private async Task<(ContainerCreate Wanted, bool ImageKnown)> WantedAsync(Names names, string? liveImage, CancellationToken ct)
    {
        if (_image is not { } known || time.GetElapsedTime(known.At) > ImageFresh || known.Id is null)
        {
            _image = known = ((await wire.InspectImageAsync(options.Image, ct))?.Id, time.GetTimestamp());
        }

        var mark = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(options.Token.Reveal()), "mark"u8))[..8];
        return (GuardShape.Container(options, names.Instance, known.Id ?? liveImage ?? options.Image, names.Guard, mark), known.Id is not null);
    }

    private async Task<string?> ControlAsync(CancellationToken ct)
    {
        var names = await NamesAsync(ct);
        return await wire.InspectContainerAsync(names.Guard, ct) is { State: { Running: true, Paused: false } } live && GuardShape.IsOurs(names.Instance, live.Config.Labels)
            ? Address(live, names, options.PublishedControlPort, GuardPorts.Control)
            : null;
    }

    private string? Address(ContainerInspect live, Names names, int published, int inside)
    {
        var (host, port) = options.PublishOn is { } engine ? (engine, published) : (live.NetworkSettings?.Networks?.GetValueOrDefault(names.Guard)?.IpAddress, inside);
        return string.IsNullOrEmpty(host) ? null : $"{host}:{Text(port)}";
    }

    private static HashSet<string> LinkedTo(ContainerInspect live, Names names) =>
        [.. (live.NetworkSettings?.Networks?.Keys ?? []).Where(n => n != names.Guard)];

    private static string[] Subnets(NetworkInspect network) => [.. (network.Ipam?.Config ?? []).Select(c => c.Subnet).OfType<string>()];

    private async Task<Names> NamesAsync(CancellationToken ct)
    {
        var instance = await installation.InstanceId(ct);
        return new Names(instance, "mcp-guard-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(instance)))[..8]);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static Outcome.Faulted Faulted(FaultKind kind, string reason, string message) => new(new Fault(kind, reason, message));

    /// <param name="Guard">Of the container and of its outer network.</param>
    private sealed record Names(string Instance, string Guard);
}
