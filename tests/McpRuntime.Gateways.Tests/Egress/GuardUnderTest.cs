using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways.Egress;
using Microsoft.Extensions.Logging.Abstractions;

namespace McpRuntime.Gateways.Tests.Egress;

/// <summary>
/// A real guard on loopback, which has room for many networks: closed ones 127.1.0.0/28 and 127.2.0.0/28, the outer one 127.9.0.0/28,
/// and "the internet" 127.50.0.0/16, opened as an allowance.
/// </summary>
internal sealed class GuardUnderTest : IAsyncDisposable
{
    public const string Token = "a-token-of-enough-length";
    public const string NetworkA = "127.1.0.0/28";
    public const string NetworkB = "127.2.0.0/28";
    public const string GuardInA = "127.1.0.1";
    public const string GuardInB = "127.2.0.1";
    public const string GuardOutside = "127.9.0.1";
    public const string ServerA = "127.1.0.5";
    public const string ServerB = "127.2.0.5";
    public const string Outsider = "127.9.0.7";
    public const string Internet = "127.50.0.1";

    private GuardUnderTest(GuardHost host, FixedNames names, FixedNetworks networks, string? folder)
    {
        Host = host;
        Names = names;
        Networks = networks;
        Folder = folder;
        Control = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://{GuardOutside}:{host.Control.Port}") };
        Control.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
    }

    public GuardHost Host { get; }

    public FixedNames Names { get; }

    public FixedNetworks Networks { get; }

    public string? Folder { get; }

    public HttpClient Control { get; }

    public static async Task<GuardUnderTest> StartAsync(GuardLimits? limits = null, string? folder = null, FixedNames? names = null)
    {
        names ??= new FixedNames().With("ok.example", Internet).With("other.example", Internet);
        var networks = new FixedNetworks(At(GuardInA, NetworkA, outer: false), At(GuardInB, NetworkB, outer: false), At(GuardOutside, "127.9.0.0/28", outer: true));
        var settings = new GuardSettings
        {
            Token = new SecretText(Token),
            ProxyPort = 0,
            RelayPort = 0,
            ControlPort = 0,
            StateFolder = folder,
            AllowPrivate = [IPNetwork.Parse("127.50.0.0/16")],
            Limits = limits ?? new GuardLimits(),
        };
        var host = new GuardHost(settings, networks, names, TimeProvider.System, NullLogger.Instance);
        await host.StartAsync(CancellationToken.None);
        return new GuardUnderTest(host, names, networks, folder);
    }

    public async Task AllowAsync(string network, bool strict, params string[] hosts)
    {
        var policy = new GuardPolicy("net-" + network.Replace('/', '-'), network, hosts, strict, "record-of-" + network);
        using var reply = await Control.PutAsJsonAsync($"/policies/{policy.Id}", policy, GuardJson.Options);
        reply.StatusCode.Should().Be(HttpStatusCode.NoContent, await reply.Content.ReadAsStringAsync());
    }

    public Task<Peer> ProxyAsync(string from = ServerA, string to = GuardInA) => Peer.ConnectAsync(from, to, Host.Proxy.Port);

    public Task<Peer> RelayAsync(string from = Outsider, string to = GuardOutside) => Peer.ConnectAsync(from, to, Host.Relay.Port);

    public async Task<IReadOnlyList<GuardRefusal>> RefusalsAsync() =>
        (await Control.GetFromJsonAsync<GuardRefusalPage>("/refusals", GuardJson.Options))!.Refusals;

    public async ValueTask DisposeAsync()
    {
        Control.Dispose();
        await Host.DisposeAsync();
    }

    private static Attachment At(string own, string network, bool outer) => new(IPAddress.Parse(own), IPNetwork.Parse(network), outer);
}

/// <summary>One end of a TCP connection, read in small words. Nothing waits longer than ten seconds.</summary>
internal sealed class Peer(Socket socket) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public Socket Socket { get; } = socket;

    public static async Task<Peer> ConnectAsync(string from, string to, int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(IPAddress.Parse(from), 0));
        await socket.ConnectAsync(IPAddress.Parse(to), port);
        return new Peer(socket);
    }

    public Task SendAsync(string text) => SendAsync(Encoding.Latin1.GetBytes(text));

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await Socket.SendAsync(bytes)..];
        }
    }

    public async Task<byte[]> ReadAsync(int count)
    {
        using var patience = new CancellationTokenSource(Patience);
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            var read = await Socket.ReceiveAsync(bytes.AsMemory(at), patience.Token);
            if (read == 0)
            {
                return bytes[..at];
            }

            at += read;
        }

        return bytes;
    }

    /// <summary>Up to and with the empty line.</summary>
    public async Task<string> ReadHeadAsync()
    {
        var text = new StringBuilder();
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            var next = await ReadAsync(1);
            if (next.Length == 0)
            {
                break;
            }

            text.Append((char)next[0]);
        }

        return text.ToString();
    }

    /// <summary>Everything until the other side ends or resets.</summary>
    public async Task<(string Text, bool Reset)> ReadToEndAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        var text = new StringBuilder();
        var buffer = new byte[64 * 1024];
        try
        {
            while (await Socket.ReceiveAsync(buffer, patience.Token) is var read && read > 0)
            {
                text.Append(Encoding.Latin1.GetString(buffer, 0, read));
            }

            return (text.ToString(), false);
        }
        catch (SocketException)
        {
            return (text.ToString(), true);
        }
    }

    public async Task<string> AskAsync(string request)
    {
        await SendAsync(request);
        return await ReadHeadAsync();
    }

    public void Dispose() => Socket.Dispose();
}

/// <summary>A server a test scripts, connection by connection.</summary>
internal sealed class Upstream : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private int _accepted;

    public Upstream(string address, Func<Peer, Task> serve)
    {
        _listener.Bind(new IPEndPoint(IPAddress.Parse(address), 0));
        _listener.Listen(256);
        _ = AcceptAsync(serve);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    public int Accepted => Volatile.Read(ref _accepted);

    /// <summary>Sends back what it gets, and its end after the client's.</summary>
    public static async Task EchoAsync(Peer peer)
    {
        var buffer = new byte[64 * 1024];
        while (await peer.Socket.ReceiveAsync(buffer) is var read && read > 0)
        {
            await peer.SendAsync(buffer.AsMemory(0, read));
        }

        peer.Socket.Shutdown(SocketShutdown.Send);
    }

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync(Func<Peer, Task> serve)
    {
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync();
                Interlocked.Increment(ref _accepted);
                _ = ServeAsync(new Peer(socket), serve);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            TestContext.Progress.WriteLine($"upstream closed: {e.Message}");
        }
    }

    private static async Task ServeAsync(Peer peer, Func<Peer, Task> serve)
    {
        using (peer)
        {
            try
            {
                await serve(peer);
            }
            catch (SocketException e)
            {
                TestContext.Progress.WriteLine($"upstream connection: {e.Message}");
            }
        }
    }
}
