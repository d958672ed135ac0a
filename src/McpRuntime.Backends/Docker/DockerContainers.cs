using System.Text;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>Containers: made whole and started, edited where the engine can, else replaced under the same name.</summary>
internal sealed class DockerContainers(DockerWire wire, EngineIdentity identity, DockerOptions options)
{
    private static readonly Outcome Done = new Outcome.Done();

    public async Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, ContainerBody body, CancellationToken ct)
    {
        var engine = (await identity.VerifyAsync(ct)).Info;
        if (await wire.InspectContainerAsync(resource.Id, ct) is not { } live)
        {
            return await CreateAsync(resource.Id, body, ct);
        }

        if (!DockerNames.IsOurs(id, live.Config.Labels))
        {
            return Faults.NotOurs("container", resource.Id);
        }

        var differing = ContainerShape.Live(live, engine).DifferingFrom(body.Shape);
        if (live.State.Dead || differing.Any(f => !ContainerShape.Editable.Contains(f)) || !CanUpdate(body, differing))
        {
            return await ReplaceAsync(resource.Id, live.Id, body, ct);
        }

        await EditAsync(live, body, differing, ct);
        return live.State.Running ? Done : await StartAsync(resource.Id, live.Id, body, mayReplace: true, ct);
    }

    public async Task<Outcome> RemoveAsync(RuntimeIdentity id, string name, CancellationToken ct)
    {
        if (await wire.InspectContainerAsync(name, ct) is not { } live)
        {
            return Done;
        }

        if (!DockerNames.IsOurs(id, live.Config.Labels))
        {
            return Faults.NotOurs("container", name);
        }

        if (live.State is { Running: true, Paused: false })
        {
            _ = await wire.StopContainerAsync(live.Id, options.StopGrace, ct);
        }

        _ = await wire.RemoveContainerAsync(live.Id, ct);
        return Done;
    }

    private async Task<Outcome> CreateAsync(string name, ContainerBody body, CancellationToken ct)
    {
        if (await wire.CreateContainerAsync(name, body.Create, ct) is not { } created)
        {
            return Faults.Of(FaultKind.Transient, "ImageMissing", $"The image {body.Create.Image} is not on the engine (any more).");
        }

        return await StartAsync(name, created.Id, body, mayReplace: false, ct);
    }

    private async Task<Outcome> ReplaceAsync(string name, string liveId, ContainerBody body, CancellationToken ct)
    {
        _ = await wire.RemoveContainerAsync(liveId, ct);
        return await CreateAsync(name, body, ct);
    }

    /// <param name="mayReplace">A container whose network was removed and made again cannot be started: it holds the old one's id.</param>
    private async Task<Outcome> StartAsync(string name, string liveId, ContainerBody body, bool mayReplace, CancellationToken ct)
    {
        if (body.MustNotBeRoot && await RootUserAsync(liveId, body, ct) is { } root)
        {
            _ = await wire.RemoveContainerAsync(liveId, ct);
            return root;
        }

        var (answer, message) = await wire.StartContainerAsync(liveId, ct);
        return answer switch
        {
            StartAnswer.Started or StartAnswer.Running => Done,
            StartAnswer.NotFound when mayReplace => await ReplaceAsync(name, liveId, body, ct),
            StartAnswer.NotFound => Faults.Of(FaultKind.Transient, "StartFailed", $"The engine could not start {name}: {message}"),
        };
    }

    private async Task EditAsync(ContainerInspect live, ContainerBody body, IReadOnlyList<string> differing, CancellationToken ct)
    {
        var host = body.Create.HostConfig;
        if (differing.Contains("State.Paused", StringComparer.Ordinal))
        {
            _ = await wire.UnpauseContainerAsync(live.Id, ct);
        }

        if (differing.Any(f => f is "HostConfig.NanoCpus" or "HostConfig.Memory" or "HostConfig.MemorySwap" or "HostConfig.PidsLimit" or "HostConfig.RestartPolicy"))
        {
            _ = await wire.UpdateContainerAsync(live.Id, new ContainerUpdate(
                host.NanoCpus > 0 ? host.NanoCpus : null,
                host.Memory > 0 ? host.Memory : null,
                host.Memory > 0 ? host.MemorySwap : null,
                host.PidsLimit ?? 0,
                host.RestartPolicy), ct);
        }

        if (differing.Contains("NetworkSettings.Networks", StringComparer.Ordinal))
        {
            await ReconnectAsync(live, body.Network, ct);
        }
    }

    private async Task ReconnectAsync(ContainerInspect live, string network, CancellationToken ct)
    {
        var attached = live.NetworkSettings?.Networks?.Keys.ToArray() ?? [];
        foreach (var foreign in attached.Where(n => n != network))
        {
            await wire.DisconnectNetworkAsync(foreign, live.Id, ct);
        }

        if (!attached.Contains(network, StringComparer.Ordinal))
        {
            _ = await wire.ConnectNetworkAsync(network, live.Id, ct);
        }
    }

    /// <summary>To the engine's update 0 means "as it is": a limit that should not be there goes only with the container.</summary>
    private static bool CanUpdate(ContainerBody body, IReadOnlyList<string> differing) =>
        !(differing.Contains("HostConfig.NanoCpus", StringComparer.Ordinal) && body.Create.HostConfig.NanoCpus == 0)
        && !(differing.Any(f => f is "HostConfig.Memory" or "HostConfig.MemorySwap") && body.Create.HostConfig.Memory == 0);

    /// <summary>A user given by name may be number 0 in the image's own /etc/passwd: then it is root, whatever it is called.</summary>
    private async Task<Outcome?> RootUserAsync(string liveId, ContainerBody body, CancellationToken ct)
    {
        var user = ImageUser.Name(body.Shape.Fields.First(f => f.Key == "Config.User").Value);
        var tar = await wire.GetArchiveAsync(liveId, "/etc/passwd", 1 << 20, ct);
        return tar is not null && PasswdHasRoot(Encoding.UTF8.GetString(tar), user)
            ? Faults.Of(FaultKind.Refused, "UserIsRoot", $"The image's user \"{user}\" is number 0 in its /etc/passwd, and the guardrails want a user that is not root: use an image with another user.")
            : null;
    }

    internal static bool PasswdHasRoot(string passwd, string user) =>
        passwd.Split('\n').Select(l => l.TrimStart('\0').Split(':')).Any(f => f.Length >= 3 && f[0].EndsWith(user, StringComparison.Ordinal) && f[0].Split('\0')[^1] == user && f[2].All(c => c == '0'));
}

internal static class Faults
{
    public static Outcome.Faulted Of(FaultKind kind, string reason, string message) => new(new Fault(kind, reason, message));

    public static Outcome.Faulted NotOurs(string what, string name) => Of(
        FaultKind.Refused, "NotOurs", $"There is a {what} {name} on the engine that does not carry this runtime's labels; it is left alone. Remove or rename it.");
}
