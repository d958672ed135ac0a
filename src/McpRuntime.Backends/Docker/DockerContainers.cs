using System.Formats.Tar;
using McpRuntime.Backends.Docker.Stdio;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>Containers: made whole and started, edited where the engine can, else replaced under the same name.</summary>
internal sealed class DockerContainers(DockerWire wire, EngineIdentity identity, StdioLogs stdio, DockerOptions options)
{
    private const long LargestPasswd = 1 << 20;

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

        if (!DockerNames.IsOurs(id, live.Config.Labels) || await wire.InheritsLabelsAsync(live.PlainName, live.Image, live.Config.Labels, ct))
        {
            return Faults.NotOurs("container", name);
        }

        if (live.State is { Running: true, Paused: false })
        {
            _ = await wire.StopContainerAsync(live.Id, live.Config.StopTimeout is { } seconds ? TimeSpan.FromSeconds(seconds) : options.StopGrace, ct);
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

        foreach (var network in body.Networks.Skip(1))
        {
            _ = await wire.ConnectNetworkAsync(network, created.Id, ct, body.Alias);
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

        if (body.Create.OpenStdin)
        {
            // Before its first word: why a server does not start is told there, and nowhere else.
            await stdio.ListenAsync(liveId, ct);
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

        if (differing.Any(f => f is "NetworkSettings.Networks" or "NetworkSettings.Aliases"))
        {
            await ReconnectAsync(live, body, ct);
        }
    }

    private async Task ReconnectAsync(ContainerInspect live, ContainerBody body, CancellationToken ct)
    {
        var attached = live.NetworkSettings?.Networks ?? new Dictionary<string, EndpointSettings>(StringComparer.Ordinal);
        bool IsAsAsked(string network) => body.Networks.Contains(network, StringComparer.Ordinal)
            && (body.Alias is null || (attached[network].Aliases ?? []).Contains(body.Alias, StringComparer.Ordinal));
        foreach (var foreign in attached.Keys.Where(n => !IsAsAsked(n)))
        {
            await wire.DisconnectNetworkAsync(foreign, live.Id, ct);
        }

        foreach (var missing in body.Networks.Where(n => !attached.ContainsKey(n) || !IsAsAsked(n)))
        {
            _ = await wire.ConnectNetworkAsync(missing, live.Id, ct, body.Alias);
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
        var tar = await wire.GetArchiveAsync(liveId, "/etc/passwd", LargestPasswd, ct);
        return tar is not null && await PasswdAsync(tar, ct) is { } passwd && Passwd.IsOther(passwd, user)
            ? null
            : Faults.Of(
                FaultKind.Refused,
                "UserIsRoot",
                $"The guardrails want a user that is not root, and the image's user \"{user}\" is number 0 in its /etc/passwd, or not in it. Use an image whose USER is a number, or another user.");
    }

    /// <summary>Null: it is not a plain file.</summary>
    private static async Task<string?> PasswdAsync(byte[] tar, CancellationToken ct)
    {
        using var archive = new MemoryStream(tar);
        await using var reader = new TarReader(archive);
        if (await reader.GetNextEntryAsync(copyData: false, ct) is not { DataStream: { } data })
        {
            return null;
        }

        using var text = new StreamReader(data);
        return await text.ReadToEndAsync(ct);
    }
}

internal static class Passwd
{
    /// <summary>Whether every entry of that name has a number, and none is 0.</summary>
    public static bool IsOther(string passwd, string user)
    {
        var numbers = passwd.Split('\n').Select(l => l.Split(':')).Where(f => f.Length >= 3 && f[0] == user).Select(f => f[2].Trim()).ToArray();
        return numbers.Length > 0 && numbers.All(n => n.Length > 0 && n.All(char.IsAsciiDigit) && n.Any(c => c != '0'));
    }
}

internal static class Faults
{
    public static Outcome.Faulted Of(FaultKind kind, string reason, string message) => new(new Fault(kind, reason, message));

    public static Outcome.Faulted NotOurs(string what, string name) => Of(
        FaultKind.Refused, "NotOurs", $"There is a {what} {name} on the engine that does not carry this runtime's labels; it is left alone. Remove or rename it.");
}
