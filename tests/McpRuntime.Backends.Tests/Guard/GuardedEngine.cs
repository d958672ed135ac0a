using System.Globalization;
using System.Net.Sockets;
using System.Text;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Guard;

/// <summary>The real engine, an installation of its own on it, and everything of that installation gone afterwards.</summary>
internal sealed class GuardedEngine : IAsyncDisposable
{
    private readonly HashSet<string> _probes = [];

    public GuardedEngine(Func<GuardOptions, GuardOptions>? change = null)
    {
        Instance = "guardtest-" + Guid.NewGuid().ToString("n");
        Token = "token-" + Guid.NewGuid().ToString("n");
        Wire = new DockerWire(DockerEndpoint.Parse(Environment.GetEnvironmentVariable("DOCKER_HOST") ?? "/var/run/docker.sock", null), TimeProvider.System);
        var options = new GuardOptions
        {
            Token = new SecretText(Token),
            Image = Environment.GetEnvironmentVariable("MCPRUNTIME_GUARD_IMAGE") ?? "mcpruntime/guard",
            AllowPrivate = ["10.248.0.0/16"],
        };
        Options = change?.Invoke(options) ?? options;
        Keeper = NewKeeper(Options);
    }

    public string Instance { get; }

    public string Token { get; }

    public DockerWire Wire { get; }

    public GuardOptions Options { get; }

    public GuardKeeper Keeper { get; }

    public GuardKeeper NewKeeper(GuardOptions options, TimeProvider? time = null) => new(
        Wire,
        new SubnetPool("10.248.0.0/16"),
        new DockerInstallation(_ => Task.FromResult(Instance), (id, _) => Task.FromResult(id), new KeyedHash(new byte[32])),
        options,
        time ?? TimeProvider.System);

    /// <summary>As the backend makes it: internal, and without an address of the host's.</summary>
    public async Task<string> ClosedNetworkAsync()
    {
        var name = "mcp-gt" + Guid.NewGuid().ToString("n")[..10] + "-net-closed";
        var start = Convert.ToInt32(name[6..10], 16);
        for (var block = start; ; block++)
        {
            var create = new NetworkCreate
            {
                Name = name,
                Internal = true,
                Ipam = new Ipam("default", [new IpamConfig(string.Create(CultureInfo.InvariantCulture, $"10.249.{block / 16 % 256}.{block % 16 * 16}/28"))]),
                Options = new Dictionary<string, string>(StringComparer.Ordinal) { ["com.docker.network.bridge.inhibit_ipv4"] = "true" },
                Labels = Labels(name),
            };
            if (await Wire.CreateNetworkAsync(create, CancellationToken.None))
            {
                return name;
            }
        }
    }

    /// <summary>A server on this network, confined as a restricted one is. Its address there.</summary>
    public async Task<string> ServerAsync(string network, string? name = null)
    {
        await ProbeImage.EnsureAsync();
        name ??= "mcp-gt" + Guid.NewGuid().ToString("n")[..10];
        var create = new ContainerCreate
        {
            Image = ProbeImage.Name,
            Cmd = ["8080"],
            User = "65532:65532",
            Labels = Labels(network),
            HostConfig = new HostConfig { NetworkMode = network, CapDrop = ["ALL"], ReadonlyRootfs = true, Dns = ["127.0.0.1"], SecurityOpt = ["no-new-privileges"] },
        };
        (await Wire.CreateContainerAsync(name, create, CancellationToken.None)).Should().NotBeNull();
        (await Wire.StartContainerAsync(name, CancellationToken.None)).Answer.Should().Be(StartAnswer.Started);
        _probes.Add(name);
        return (await Wire.InspectContainerAsync(name, CancellationToken.None))!.NetworkSettings!.Networks![network].IpAddress!;
    }

    /// <summary>Links, as often as a reconciler would.</summary>
    public async Task LinkAsync(string network)
    {
        for (var attempt = 0; ; attempt++)
        {
            var outcome = await Keeper.LinkAsync(network, CancellationToken.None);
            if (outcome is Outcome.Done)
            {
                return;
            }

            attempt.Should().BeLessThan(5, outcome.ToString());
        }
    }

    public async Task<GuardState> StateAsync() => await Keeper.StateAsync(CancellationToken.None);

    public async Task<ContainerInspect> GuardAsync() => (await Wire.InspectContainerAsync((await StateAsync()).ContainerId!, CancellationToken.None))!;

    /// <summary>A line of talk with the server, through the relay; retried while it starts.</summary>
    public async Task<ServerTalk> TalkAsync(string ip)
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        while (true)
        {
            if ((await StateAsync()).Relay is { } relay && await ServerTalk.TryOpenAsync(relay, Token, ip) is { } talk)
            {
                return talk;
            }

            started.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20), $"{ip} should be reached through the guard by then");
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }
    }

    public async Task<IReadOnlyList<string>> LeftAsync()
    {
        var label = $"{DockerNames.Instance}={Instance}";
        return
        [
            .. (await Wire.ListContainersAsync(CancellationToken.None, label)).Select(c => c.Name),
            .. (await Wire.ListNetworksAsync(CancellationToken.None, label)).Select(n => n.Name),
            .. (await Wire.ListVolumesAsync(CancellationToken.None, label)).Select(v => v.Name),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var container in await Wire.ListContainersAsync(CancellationToken.None, $"{DockerNames.Instance}={Instance}"))
        {
            await Wire.RemoveContainerAsync(container.Id, CancellationToken.None);
        }

        foreach (var network in await Wire.ListNetworksAsync(CancellationToken.None, $"{DockerNames.Instance}={Instance}"))
        {
            await Wire.RemoveNetworkAsync(network.Id, CancellationToken.None);
        }

        Keeper.Dispose();
        Wire.Dispose();
    }

    private Dictionary<string, string> Labels(string record) => new(StringComparer.Ordinal) { [DockerNames.Instance] = Instance, [DockerNames.Record] = record };
}

/// <summary>Lines to and from <c>probe.c</c>, over the relay.</summary>
internal sealed class ServerTalk : IDisposable
{
    private readonly TcpClient _tcp;
    private readonly StreamReader _reader;
    private readonly StreamWriter _writer;

    private ServerTalk(TcpClient tcp)
    {
        _tcp = tcp;
        _reader = new StreamReader(tcp.GetStream(), Encoding.Latin1);
        _writer = new StreamWriter(tcp.GetStream(), new ASCIIEncoding()) { AutoFlush = true, NewLine = "\n" };
    }

    public static async Task<ServerTalk?> TryOpenAsync(string relay, string token, string ip)
    {
        var colon = relay.LastIndexOf(':');
        var tcp = new TcpClient();
        try
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(3));
            await tcp.ConnectAsync(relay[..colon], int.Parse(relay[(colon + 1)..], CultureInfo.InvariantCulture), patience.Token);
            var talk = new ServerTalk(tcp);
            await talk._writer.WriteAsync($"CONNECT {ip}:8080 HTTP/1.1\r\nProxy-Authorization: Bearer {token}\r\n\r\n".AsMemory(), patience.Token);
            var status = await talk._reader.ReadLineAsync(patience.Token);
            if (status?.Contains(" 200 ", StringComparison.Ordinal) == true)
            {
                await talk._reader.ReadLineAsync(patience.Token);
                return talk;
            }
        }
        catch (Exception e) when (e is SocketException or IOException or OperationCanceledException)
        {
            TestContext.Out.WriteLine($"relay {relay}: {e.Message}");
        }

        tcp.Dispose();
        return null;
    }

    public async Task<string> ProbeAsync(string line)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await _writer.WriteLineAsync(line.AsMemory(), patience.Token);
        return await _reader.ReadLineAsync(patience.Token) ?? "closed";
    }

    public Task<string> AskAsync(string ip, int port, string text) => ProbeAsync($"ask {ip} {port} {Convert.ToHexString(Encoding.Latin1.GetBytes(text))}");

    public void Dispose()
    {
        _writer.Dispose();
        _reader.Dispose();
        _tcp.Dispose();
    }
}

/// <summary>The real clock, ahead by so much.</summary>
internal sealed class AheadTime(TimeSpan by) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
}
