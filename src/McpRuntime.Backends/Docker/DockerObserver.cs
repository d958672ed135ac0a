using System.Globalization;
using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Backends.Docker.Stdio;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>Everything of ours on the engine, found by label; one list a kind, one inspect a container. Reads only.</summary>
internal sealed class DockerObserver(DockerWire wire, EngineIdentity identity, DockerInstallation installation, LongWork work, IGuard guard)
{
    public async Task<IReadOnlyList<SeenResource>> OneAsync(RuntimeIdentity id, CancellationToken ct)
    {
        string[] labels = [DockerNames.Filter(DockerNames.Instance, id.InstanceId), DockerNames.Filter(DockerNames.Record, id.RecordId)];
        var byRecord = await LookAsync(labels, () => ImagesOfAsync(id, ct), ct);
        var seen = byRecord.GetValueOrDefault(id.RecordId) ?? [];
        return [.. seen, .. work.Of(id.RecordId).Where(p => seen.All(s => s.Id != p.Id))];
    }

    public async Task<IReadOnlyDictionary<string, IReadOnlyList<SeenResource>>> AllAsync(CancellationToken ct)
    {
        var instance = await installation.InstanceId(ct);
        var seen = await LookAsync([DockerNames.Filter(DockerNames.Instance, instance)], () => AllImagesAsync(instance, ct), ct);
        foreach (var (record, image) in work.All())
        {
            var list = seen.TryGetValue(record, out var known) ? known : seen[record] = [];
            if (list.All(s => s.Id != image.Id))
            {
                list.Add(image);
            }
        }

        return seen.ToDictionary(s => s.Key, IReadOnlyList<SeenResource> (s) => s.Value, StringComparer.Ordinal);
    }

    private async Task<Dictionary<string, List<SeenResource>>> LookAsync(string[] labels, Func<Task<IReadOnlyList<(string Record, SeenResource Image)>>> tagged, CancellationToken ct)
    {
        var verified = await identity.VerifyAsync(ct);
        var containers = wire.ListOwnContainersAsync(ct, labels);
        var networks = wire.ListNetworksAsync(ct, labels);
        var volumes = wire.ListVolumesAsync(ct, labels);
        var images = tagged();
        var state = guard.StateAsync(ct);
        await Task.WhenAll(containers, networks, volumes, images, state);
        var inspected = await InspectAsync(await containers, ct);
        if (!identity.IsCurrent(verified))
        {
            // A connection was made meanwhile: only now do we know that it led to the same engine.
            _ = await identity.VerifyAsync(ct);
        }

        var seen = new Dictionary<string, List<SeenResource>>(StringComparer.Ordinal);
        void Add(IReadOnlyDictionary<string, string>? of, SeenResource resource)
        {
            if (of?.GetValueOrDefault(DockerNames.Record) is { Length: > 0 } record)
            {
                (seen.TryGetValue(record, out var list) ? list : seen[record] = []).Add(resource);
            }
        }

        var nets = await networks;
        var byName = nets.GroupBy(n => n.Name, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        foreach (var network in nets)
        {
            Add(network.Labels, new SeenResource { Id = network.Name, Kind = ResourceKind.Network, Fingerprint = NetworkShape.Of(network).Fingerprint, Message = Subnet(network) });
            if (Link(network, await state) is { } link)
            {
                Add(network.Labels, link);
            }
        }

        foreach (var policy in (await state).Policies)
        {
            var network = byName.GetValueOrDefault(policy.Id);
            Add(network?.Labels ?? OfRecord(policy), Policy(policy, network));
        }

        foreach (var volume in await volumes)
        {
            Add(volume.Labels, new SeenResource
            {
                Id = volume.Name,
                Kind = ResourceKind.Volume,
                Fingerprint = VolumeBody.Fingerprint(volume.Driver ?? "", volume.Labels?.GetValueOrDefault(DockerNames.MountPath) ?? ""),
                RepairableInPlace = false,
            });
        }

        foreach (var (record, image) in await images)
        {
            (seen.TryGetValue(record, out var list) ? list : seen[record] = []).Add(image);
        }

        foreach (var container in inspected)
        {
            Add(container.Config.Labels, Container(container, byName, await state, verified.Info));
        }

        return seen;
    }

    /// <summary>A container that went between the list and its inspect is simply not there any more.</summary>
    private async Task<IReadOnlyList<ContainerInspect>> InspectAsync(IReadOnlyList<ContainerSummary> containers, CancellationToken ct)
    {
        var inspected = new ContainerInspect?[containers.Count];
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = ct };
        await Parallel.ForAsync(0, containers.Count, parallel, async (i, c) => inspected[i] = await wire.InspectContainerAsync(containers[i].Id, c));
        return [.. inspected.OfType<ContainerInspect>()];
    }

    private SeenResource Container(ContainerInspect live, Dictionary<string, NetworkInspect> networks, GuardState state, EngineInfo engine)
    {
        var shape = ContainerShape.Live(live, engine);
        var differing = shape.DifferingFrom(live.Config.Labels?.GetValueOrDefault(DockerNames.Shape), installation.Hash);
        var network = networks.GetValueOrDefault(live.HostConfig.NetworkMode ?? "");
        var labels = live.Config.Labels;
        var service = DockerNames.ServiceOf(labels);
        var (health, message) = service is null ? ContainerHealth.Of(live.State) : ContainerHealth.OfService(live.State, labels!.GetValueOrDefault(DockerNames.Ends));
        return new SeenResource
        {
            Id = live.PlainName,
            Kind = ResourceKind.Container,
            Service = service,
            Fingerprint = shape.Fingerprint(installation.Hash),
            Health = health,
            // A job that has ended is the one that ran: its end is no restart.
            Instance = live.State.Running || health is Health.Completed ? DockerStdio.InstanceOf(live) : "",
            Message = message,
            ExitCode = live.State.Running || live.State.Status == "created" ? null : live.State.ExitCode,
            StartedAt = live.State.StartedAt is { Year: > 1 } started ? started : null,
            FinishedAt = live.State.FinishedAt is { Year: > 1 } finished ? finished : null,
            Address = live.State.Running ? Address(live, network, state) : null,
            Controls = DockerControls.ReadBack(live, NetworksOf(live, networks), state.Policies, engine),
            DifferingField = differing.Count > 0 ? string.Join(", ", differing) : null,
            RepairableInPlace = differing.All(ContainerShape.Editable.Contains),
        };
    }

    /// <summary>Straight to its address on an open network, through the guard on a closed one; null while there is no way in.</summary>
    private static UpstreamAddress? Address(ContainerInspect live, NetworkInspect? network, GuardState state)
    {
        if (live.Config.OpenStdin)
        {
            return new UpstreamAddress(live.PlainName, DockerNames.NoPort, Scheme: DockerStdio.AddressScheme);
        }

        if (network is null
            || live.NetworkSettings?.Networks?.GetValueOrDefault(network.Name)?.IpAddress is not { Length: > 0 } ip
            || !int.TryParse(live.Config.Labels?.GetValueOrDefault(DockerNames.Port), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            return null;
        }

        if (!network.Internal)
        {
            return new UpstreamAddress(ip, port);
        }

        return state is { Running: true, Relay: { } relay } && state.Networks.Contains(network.Name) ? new UpstreamAddress(ip, port, relay) : null;
    }

    /// <summary>Seen while the guard is connected. One that does not run is seen stopped, and put again by whoever wants it.</summary>
    private static SeenResource? Link(NetworkInspect network, GuardState state) => !state.Networks.Contains(network.Name)
        ? null
        : new SeenResource
        {
            Id = DockerNames.GuardLink(network.Name),
            Kind = ResourceKind.GuardLink,
            Fingerprint = GuardLinkBody.Fingerprint(network.Name, state.Named.Contains(network.Name)),
            Health = state.Running ? Health.Serving : Health.Stopped,
            Message = state.Running ? null : "The guard does not run.",
        };

    /// <summary>Read from the guard itself. One for a network that is gone, or that should have none, is seen too: whoever wants it not removes it.</summary>
    private static SeenResource Policy(GuardPolicy policy, NetworkInspect? network) => new()
    {
        Id = DockerNames.GuardPolicy(policy.Id),
        Kind = ResourceKind.GuardPolicy,
        Fingerprint = GuardPolicyBody.Live(policy, network is null ? null : Subnet(network)),
        DifferingField = "allowed_hosts",
        Message = string.Join(", ", policy.AllowedHosts),
    };

    private static Dictionary<string, string>? OfRecord(GuardPolicy policy) =>
        policy.Record is { } record ? new Dictionary<string, string>(StringComparer.Ordinal) { [DockerNames.Record] = record } : null;

    private async Task<IReadOnlyList<(string Record, SeenResource Image)>> ImagesOfAsync(RuntimeIdentity id, CancellationToken ct)
    {
        var repository = DockerNames.ImageRepository(id);
        List<(string, SeenResource)> seen = [];
        foreach (var image in await wire.ListImagesAsync(repository, ct))
        {
            // A filtered list leaves out the digests.
            if (await wire.InspectImageAsync(image.Id, ct) is { } whole)
            {
                seen.AddRange(Tagged(whole.Id, whole.RepoTags, whole.RepoDigests, whole.Config?.Labels, repository + ":").Select(s => (id.RecordId, s.Image)));
            }
        }

        string[] marks = [DockerNames.Filter(BuildNames.Instance, id.InstanceId), DockerNames.Filter(BuildNames.Record, id.RecordId)];
        return [.. seen, .. work.Leftovers(await wire.ListDanglingAsync(ct, marks))];
    }

    private async Task<IReadOnlyList<(string Record, SeenResource Image)>> AllImagesAsync(string instance, CancellationToken ct)
    {
        var repositories = DockerNames.ImageRepositories(instance) + "/";
        var all = await wire.ListImagesAsync(pattern: null, ct);
        var left = await wire.ListDanglingAsync(ct, DockerNames.Filter(BuildNames.Instance, instance));
        return [.. all.SelectMany(i => Tagged(i.Id, i.RepoTags, i.RepoDigests, i.Labels, repositories)), .. work.Leftovers(left)];
    }

    private static IEnumerable<(string Record, SeenResource Image)> Tagged(string imageId, IReadOnlyList<string>? tags, IReadOnlyList<string>? digests, IReadOnlyDictionary<string, string>? labels, string under)
    {
        foreach (var tag in (tags ?? []).Where(t => t.StartsWith(under, StringComparison.Ordinal)))
        {
            var colon = tag.LastIndexOf(':');
            var record = tag[(tag.LastIndexOf('/') + 1)..colon];
            if (BuildNames.IsBuild(tag[(colon + 1)..]))
            {
                yield return (record, new SeenResource { Id = tag[(colon + 1)..], Kind = ResourceKind.Build, Fingerprint = labels?.GetValueOrDefault(BuildNames.Build) ?? "" });
                continue;
            }

            var short8 = tag[(colon + 1)..].Replace(DockerNames.KeptSuffix, "", StringComparison.Ordinal);
            var pins = (digests ?? []).Select(ImageNames.Normalise).Append(imageId);
            var pin = pins.FirstOrDefault(p => DockerNames.ImageFingerprint(p).StartsWith(short8, StringComparison.Ordinal)) ?? imageId;
            yield return (record, new SeenResource { Id = "image-" + short8, Kind = ResourceKind.Image, Fingerprint = DockerNames.ImageFingerprint(pin) });
        }
    }

    /// <summary>Null: it is on one that is gone, or not ours.</summary>
    private static NetworkInspect[]? NetworksOf(ContainerInspect live, Dictionary<string, NetworkInspect> networks)
    {
        var attached = live.NetworkSettings?.Networks?.Keys.ToArray() ?? [];
        var record = live.Config.Labels?.GetValueOrDefault(DockerNames.Record);
        var own = attached.Select(networks.GetValueOrDefault).OfType<NetworkInspect>().Where(n => n.Labels?.GetValueOrDefault(DockerNames.Record) == record).ToArray();
        return own.Length > 0 && own.Length == attached.Length ? own : null;
    }

    private static string? Subnet(NetworkInspect network) => network.Ipam?.Config is [{ Subnet: { } subnet }, ..] ? subnet : null;
}

internal static class ContainerHealth
{
    /// <summary>A paused one counts as serving: its shape differs by <c>State.Paused</c>, and the repair is to unpause it.</summary>
    public static (Health Health, string? Message) Of(ContainerState state) => state.Status switch
    {
        "running" or "paused" => (Health.Serving, state.Paused ? "paused" : null),
        "restarting" => (Health.Starting, "restarting"),
        "removing" => (Health.Stopped, "being removed"),
        "created" when state.Error is { Length: > 0 } error => (Health.Failed, $"did not start: {error}"),
        "created" => (Health.Stopped, "created, not started"),
        "exited" when state.OomKilled => (Health.Failed, "out of memory: killed by the kernel at its memory limit"),
        "exited" when state.Error is { Length: > 0 } error => (Health.Failed, error),
        "exited" when state.ExitCode == 0 => (Health.Stopped, "exited with 0"),
        "exited" => (Health.Failed, string.Create(CultureInfo.InvariantCulture, $"exited with {state.ExitCode}{Meaning(state.ExitCode)}")),
        _ => (Health.Failed, state.Error is { Length: > 0 } words ? words : state.Status),
    };

    /// <summary>A service of several: it may end, and its healthcheck says whether what runs is well.</summary>
    /// <param name="ends">See <see cref="DockerNames.Ends"/>.</param>
    public static (Health Health, string? Message) OfService(ContainerState state, string? ends)
    {
        var (health, message) = Of(state);
        return (health, ends) switch
        {
            (Health.Stopped, DockerNames.EndsMay or DockerNames.EndsMust) when state.Status == "exited" => (Health.Completed, "ended with 0"),
            (Health.Serving, DockerNames.EndsMust) => (Health.Starting, "runs until it ends"),
            (Health.Serving, _) when !state.Paused => state.Health?.Status switch
            {
                "starting" => (Health.Starting, "its healthcheck has not passed yet"),
                "unhealthy" => (Health.Wedged, $"unhealthy: {Tail(state.Health)}"),
                _ => (health, message),
            },
            _ => (health, message),
        };
    }

    /// <summary>Of what the check said last: it is a stranger's text, and goes into a status.</summary>
    private static string Tail(ContainerHealthState health)
    {
        const int Most = 200;
        var output = health.Log is [.., var last] ? (last.Output ?? "").Trim() : "";
        var plain = string.Concat(output[..Math.Min(output.Length, Most)].Select(c => char.IsControl(c) ? ' ' : c));
        return string.Create(CultureInfo.InvariantCulture, $"{health.FailingStreak} checks in a row failed{(plain.Length == 0 ? "" : ": " + plain)}");
    }

    private static string Meaning(int exitCode) => exitCode switch
    {
        126 => ": its command cannot be executed",
        127 => ": its command was not found",
        137 => ": killed (SIGKILL)",
        139 => ": crashed (SIGSEGV)",
        143 => ": terminated (SIGTERM)",
        _ => "",
    };
}
