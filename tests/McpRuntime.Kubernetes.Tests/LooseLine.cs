using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>
/// A line to the API server, byte for byte: it can be cut, cut again and again, and fall silent without being closed, as where a
/// router on the way has lost its table.
/// </summary>
internal sealed class LooseLine : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly IPEndPoint _server;
    private readonly string _folder = Directory.CreateTempSubdirectory("line-").FullName;
    private readonly ConcurrentDictionary<Strand, byte> _strands = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _accepting;
    private volatile bool _isCut;
    private int _count;

    private LooseLine(IPEndPoint near, IPEndPoint server)
    {
        _server = server;
        _listener = new TcpListener(near);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>The administrator's, by this line.</summary>
    public string Kubeconfig => Path.Combine(_folder, "kubeconfig");

    /// <summary>Connections so far.</summary>
    public int Count => Volatile.Read(ref _count);

    public static async Task<LooseLine> ToAsync(TestCluster cluster)
    {
        // On the server's own address, which is what its certificate is for.
        var (server, port) = (new Uri(cluster.Server), Places.FreePort());
        var address = IPAddress.Parse(server.Host);
        var line = new LooseLine(new IPEndPoint(address, port), new IPEndPoint(address, server.Port));
        await File.WriteAllTextAsync(line.Kubeconfig, (await File.ReadAllTextAsync(cluster.Kubeconfig)).Replace(cluster.Server, $"https://{server.Host}:{port}", StringComparison.Ordinal));
        return line;
    }

    /// <summary>What is open breaks, and what is opened too, until it is mended.</summary>
    public void Cut()
    {
        _isCut = true;
        Break();
    }

    public void Mend() => _isCut = false;

    /// <summary>What is open stays open and carries nothing any more; new connections work.</summary>
    public void Silence()
    {
        foreach (var strand in _strands.Keys)
        {
            strand.IsSilent = true;
        }
    }

    /// <summary>No connection lives longer than this, until the end is disposed.</summary>
    public IAsyncDisposable CutEvery(TimeSpan period) => new Shears(this, period);

    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync();
        _listener.Stop();
        Cut();
        await _accepting;
        _ended.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private void Break()
    {
        foreach (var strand in _strands.Keys)
        {
            strand.Dispose();
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync(_ended.Token);
                _ = CarryAsync(near);
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // It is taken down.
        }
    }

    private async Task CarryAsync(Socket near)
    {
        using var strand = new Strand(near);
        if (_isCut)
        {
            return;
        }

        _ = Interlocked.Increment(ref _count);
        _strands[strand] = 0;
        try
        {
            await strand.CarryAsync(_server, _ended.Token);
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // One side has gone, or was cut.
        }

        _ = _strands.TryRemove(strand, out _);
    }

    private sealed class Strand(Socket near) : IDisposable
    {
        private readonly Socket _far = new(SocketType.Stream, ProtocolType.Tcp);

        public volatile bool IsSilent;

        public async Task CarryAsync(IPEndPoint server, CancellationToken ct)
        {
            await _far.ConnectAsync(server, ct);
            await Task.WhenAny(PumpAsync(near, _far, ct), PumpAsync(_far, near, ct));
        }

        public void Dispose()
        {
            near.Dispose();
            _far.Dispose();
        }

        private async Task PumpAsync(Socket from, Socket to, CancellationToken ct)
        {
            var buffer = new byte[64 << 10];
            for (var read = await from.ReceiveAsync(buffer, ct); read > 0; read = await from.ReceiveAsync(buffer, ct))
            {
                // Taken and lost: neither side learns of it.
                for (var sent = IsSilent ? read : 0; sent < read;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, read - sent), ct);
                }
            }

            if (IsSilent)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            }
        }
    }

    private sealed class Shears : IAsyncDisposable
    {
        private readonly PeriodicTimer _timer;
        private readonly Task _cutting;

        public Shears(LooseLine line, TimeSpan period)
        {
            _timer = new PeriodicTimer(period);
            _cutting = CutAsync(line);
        }

        public async ValueTask DisposeAsync()
        {
            _timer.Dispose();
            await _cutting;
        }

        private async Task CutAsync(LooseLine line)
        {
            while (await _timer.WaitForNextTickAsync())
            {
                line.Break();
            }
        }
    }
}
