using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Guard;

/// <summary>The guard as the engine has it.</summary>
/// <param name="IsAsAsked">It runs, and no field of it differs from what was asked for.</param>
/// <param name="Links">Names of the closed networks it is connected to.</param>
/// <param name="Named">Of these, where it answers to its name.</param>
/// <param name="Relay"><c>host:port</c> as we reach it; null while it has no address.</param>
internal sealed record SeenGuard(ContainerInspect Live, bool IsAsAsked, IReadOnlySet<string> Links, IReadOnlySet<string> Named, string? Relay, string? Control);

/// <summary>The container, its outer network and its volume: looked at, made, repaired, replaced and removed. Not for two callers at once.</summary>
internal sealed class GuardContainer(DockerWire wire, SubnetPool pool, DockerInstallation installation, GuardOptions options, TimeProvider time)
{
    private static readonly TimeSpan ImageFresh = TimeSpan.FromSeconds(15);

    /// <summary>A subnet that looks free may be a route of the engine's host, which only the engine knows.</summary>
    private const int SubnetTries = 16;

    private static readonly Outcome Done = new Outcome.Done();

    // Tells one token from another without telling either: the file that holds it can't be compared.
    private readonly string _tokenMark = Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(options.Token.Reveal()), "mark"u8))[..8];
    private volatile KnownImage? _image;

    /// <summary>Null: there is none, or one of that name that is not ours.</summary>
    public async Task<SeenGuard?> FindAsync(CancellationToken ct)
    {
        var names = await NamesAsync(ct);
        if (await wire.InspectContainerAsync(names.Guard, ct) is not { } live || !GuardShape.IsOurs(names.Instance, live.Config.Labels))
        {
            return null;
        }

        var (wanted, imageKnown) = await WantedAsync(names, live.Image, ct);
        return Seen(live, live.State is { Running: true, Paused: false } && GuardShape.DifferingField(wanted, live, imageKnown) is null, names);
    }

    /// <summary>The guard as asked for and running, or why not.</summary>
    public async Task<(SeenGuard? Guard, Outcome? Fault)> EnsureAsync(CancellationToken ct)
    {
        var names = await NamesAsync(ct);
        var live = await wire.InspectContainerAsync(names.Guard, ct);
        if (live is not null && !GuardShape.IsOurs(names.Instance, live.Config.Labels))
        {
            return (null, Faulted(FaultKind.Refused, "NotOurs", $"A container named {names.Guard} exists and is not this installation's: remove or rename it."));
        }

        var (wanted, imageKnown) = await WantedAsync(names, live?.Image, ct);
        if (live is not null && GuardShape.DifferingField(wanted, live, imageKnown) is null)
        {
            return await RunningAsync(live, names, policies: null, ct);
        }

        if (!imageKnown)
        {
            return (null, Faulted(FaultKind.Transient, "GuardImageMissing", $"The engine has no image {options.Image}, which closed runtimes are reached through. Build it with \"make image\"."));
        }

        return await ReplaceAsync(live, wanted, names, ct);
    }

    /// <summary>
    /// The container last: while it is there its link is seen, so that a crash at any point leaves a link to remove and this is come
    /// to again.
    /// </summary>
    public async Task<Outcome> RemoveAsync(SeenGuard guard, CancellationToken ct)
    {
        var names = await NamesAsync(ct);
        await StopAsync(guard, ct);
        var (answer, message) = await wire.RemoveNetworkAsync(names.Guard, ct);
        if (answer == RemoveAnswer.InUse)
        {
            return Faulted(FaultKind.Transient, "NetworkInUse", $"The guard's outer network {names.Guard} could not be removed: {message}");
        }

        await wire.RemoveContainerAsync(guard.Live.Id, ct);
        return Done;
    }

    public async Task StopAsync(SeenGuard guard, CancellationToken ct)
    {
        if (guard.Live.State.Paused)
        {
            await wire.UnpauseContainerAsync(guard.Live.Id, ct);
        }

        await wire.KillContainerAsync(guard.Live.Id, ct);
    }

    /// <summary>False: the network went away.</summary>
    public async Task<bool> ConnectAsync(SeenGuard guard, string network, CancellationToken ct)
    {
        if (guard.Links.Contains(network))
        {
            // Connected by hand, without its name: an engine gives a name only while connecting.
            await wire.DisconnectNetworkAsync(network, guard.Live.Id, ct);
        }

        return await wire.ConnectNetworkAsync(network, guard.Live.Id, ct, WayOut.GuardName);
    }

    public Task DisconnectAsync(SeenGuard guard, string network, CancellationToken ct) => wire.DisconnectNetworkAsync(network, guard.Live.Id, ct);

    /// <summary>Takes the old one's links and policies along, so that a replaced guard costs its clients a reconnect and no more.</summary>
    private async Task<(SeenGuard? Guard, Outcome? Fault)> ReplaceAsync(ContainerInspect? old, ContainerCreate wanted, Names names, CancellationToken ct)
    {
        var links = old is null ? new HashSet<string>() : LinksOf(old, names);
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
            await wire.ConnectNetworkAsync(link, names.Guard, ct, WayOut.GuardName);
        }

        return await wire.InspectContainerAsync(names.Guard, ct) is { } live
            ? await RunningAsync(live, names, policies, ct)
            : (null, Faulted(FaultKind.Transient, "GuardGone", "The guard was removed while it was being made."));
    }

    private async Task<(SeenGuard? Guard, Outcome? Fault)> RunningAsync(ContainerInspect live, Names names, byte[]? policies, CancellationToken ct)
    {
        if (live.State is { Running: true, Paused: false })
        {
            return (Seen(live, isAsAsked: true, names), null);
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
            ? (Seen(running, isAsAsked: true, names), null)
            : (null, Faulted(FaultKind.Transient, "GuardStart", $"The guard ended as soon as it was started; its words are in the log of the container {names.Guard}."));
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
            var used = networks.SelectMany(GuardShape.Subnets).Where(s => IPNetwork.TryParse(s, out _)).Select(IPNetwork.Parse).ToArray();
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
        if (_image is not { Id: not null } known || time.GetElapsedTime(known.At) > ImageFresh)
        {
            _image = known = new KnownImage((await wire.InspectImageAsync(options.Image, ct))?.Id, time.GetTimestamp());
        }

        return (GuardShape.Container(options, names.Instance, known.Id ?? liveImage ?? options.Image, names.Guard, _tokenMark), known.Id is not null);
    }

    private SeenGuard Seen(ContainerInspect live, bool isAsAsked, Names names)
    {
        var host = options.PublishOn ?? live.NetworkSettings?.Networks?.GetValueOrDefault(names.Guard)?.IpAddress;
        var (relay, control) = options.PublishOn is null ? (GuardPorts.Relay, GuardPorts.Control) : (options.PublishedRelayPort, options.PublishedControlPort);
        return string.IsNullOrEmpty(host)
            ? new SeenGuard(live, isAsAsked, LinksOf(live, names), NamedOf(live), null, null)
            : new SeenGuard(live, isAsAsked, LinksOf(live, names), NamedOf(live), $"{host}:{Text(relay)}", $"{host}:{Text(control)}");
    }

    private static HashSet<string> LinksOf(ContainerInspect live, Names names) =>
        [.. (live.NetworkSettings?.Networks?.Keys ?? []).Where(n => n != names.Guard)];

    private static HashSet<string> NamedOf(ContainerInspect live) =>
        [.. (live.NetworkSettings?.Networks ?? new Dictionary<string, EndpointSettings>(StringComparer.Ordinal)).Where(n => n.Value.Aliases?.Contains(WayOut.GuardName) ?? false).Select(n => n.Key)];

    private async Task<Names> NamesAsync(CancellationToken ct)
    {
        var instance = await installation.InstanceId(ct);
        return new Names(instance, "mcp-guard-" + DockerNames.Digest(instance)[..8]);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static Outcome.Faulted Faulted(FaultKind kind, string reason, string message) => Faults.Of(kind, reason, message);

    /// <param name="Guard">Of the container and of its outer network.</param>
    private sealed record Names(string Instance, string Guard);

    private sealed record KnownImage(string? Id, long At);
}
