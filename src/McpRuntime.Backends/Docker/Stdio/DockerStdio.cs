using System.Globalization;
using McpRuntime.Backends.Docker.Wire;

namespace McpRuntime.Backends.Docker.Stdio;

/// <summary>stdin and stdout of a container, by attaching to it.</summary>
internal sealed class DockerStdio(DockerWire wire, EngineIdentity identity, StdioLogs logs) : IStdioChannels
{
    public const string AddressScheme = "stdio+docker";

    public string Scheme => AddressScheme;

    public static string InstanceOf(ContainerInspect live) => $"{live.Id}@{live.State.StartedAt?.ToString("O", CultureInfo.InvariantCulture)}";

    public async Task<string?> InstanceAsync(string name, CancellationToken ct)
    {
        _ = await identity.VerifyAsync(ct);
        return await wire.InspectContainerAsync(name, ct) is { State.Running: true } live ? InstanceOf(live) : null;
    }

    public async Task<IStdioChannel?> OpenAsync(string name, string? used, CancellationToken ct)
    {
        _ = await identity.VerifyAsync(ct);
        if (await wire.InspectContainerAsync(name, ct) is not { State.Running: true, Config.OpenStdin: true } live)
        {
            return null;
        }

        if (InstanceOf(live) == used)
        {
            // The listener's connection ends with the old process; the next one begins below.
            _ = await wire.RestartContainerAsync(live.Id, ct);
        }

        var attached = await wire.AttachAsync(live.Id, stdin: true, stdout: true, stderr: false, ct);
        if (attached is null)
        {
            return null;
        }

        try
        {
            await logs.ListenAsync(live.Id, ct);

            // Looked at again: whatever was started in between, what is attached to is what is named.
            if (await wire.InspectContainerAsync(live.Id, ct) is { State.Running: true } now && InstanceOf(now) != used)
            {
                return new Channel(InstanceOf(now), live.Id, attached, logs);
            }
        }
        catch
        {
            await attached.DisposeAsync();
            throw;
        }

        await attached.DisposeAsync();
        return null;
    }

    private sealed class Channel(string instance, string containerId, Stream attached, StdioLogs logs) : IStdioChannel
    {
        public string Instance => instance;

        public Stream Input => attached;

        public Stream Output { get; } = new OutputFrames(attached, 1);

        public void Note(string line) => logs.Note(containerId, LogStream.Stdout, line);

        public ValueTask DisposeAsync() => attached.DisposeAsync();
    }
}
