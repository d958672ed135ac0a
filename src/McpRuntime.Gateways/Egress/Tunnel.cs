using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Gateways.Egress;

/// <summary>
/// Two sockets and the bytes between them, both ways. One side's end is passed on as an end (half-close); a failure on either
/// side resets both, so that a cut stream never looks like a finished one.
/// </summary>
internal sealed class Tunnel(Socket client, Socket upstream, TimeProvider time) : IDisposable
{
    private const int BufferSize = 64 * 1024;

    /// <summary>A read that fills less than this is a quiet stream's: its buffer goes back while it waits.</summary>
    private const int BusyRead = BufferSize / 4;

    private long _lastMoved = time.GetTimestamp();
    private int _cut;

    public Socket Client { get; } = client;

    public Socket Upstream { get; } = upstream;

    public long OpenedAt { get; } = time.GetTimestamp();

    /// <summary>Where it goes and under which policy; null for a relayed one.</summary>
    public TunnelPermit? Permit { get; init; }

    public TimeSpan Idle => time.GetElapsedTime(Volatile.Read(ref _lastMoved));

    public TimeSpan Age => time.GetElapsedTime(OpenedAt);

    public bool IsCut => Volatile.Read(ref _cut) != 0;

    /// <summary>Copies until both directions ended. Faults of the network are an end like any other.</summary>
    public Task RunAsync() => Task.WhenAll(PumpAsync(Upstream, Client), PumpAsync(Client, Upstream));

    /// <summary>One direction, until its end.</summary>
    public async Task PumpAsync(Socket from, Socket to)
    {
        byte[]? buffer = null;
        try
        {
            while (true)
            {
                if (buffer is null)
                {
                    // Waits without holding memory: thousands of silent event streams cost sockets only.
                    await from.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None);
                    buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
                }

                var read = await from.ReceiveAsync(buffer.AsMemory(0, BufferSize), SocketFlags.None);
                if (read == 0)
                {
                    to.Shutdown(SocketShutdown.Send);
                    return;
                }

                await SendAsync(to, buffer.AsMemory(0, read));
                if (read < BusyRead)
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = null;
                }
                else
                {
                    // The thread that sees what arrives runs this too: a stream that is always ready must not keep it from the others.
                    await Task.Yield();
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Cut();
        }
        finally
        {
            if (buffer is not null)
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    public async ValueTask SendAsync(Socket to, ReadOnlyMemory<byte> bytes)
    {
        Volatile.Write(ref _lastMoved, time.GetTimestamp());
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await to.SendAsync(bytes, SocketFlags.None)..];
        }
    }

    /// <summary>Resets both sides, now. Any thread, any number of times.</summary>
    public void Cut()
    {
        if (Interlocked.Exchange(ref _cut, 1) == 0)
        {
            Client.Reset();
            Upstream.Reset();
        }
    }

    public void Dispose()
    {
        Client.Dispose();
        Upstream.Dispose();
    }
}

/// <summary>What a proxied tunnel was opened under.</summary>
/// <param name="Network">The source network, as the ledger names it.</param>
internal sealed record TunnelPermit(string Network, string PolicyId, IPAddress Source, HostName Host, int Port, bool Strict)
{
    /// <summary>Under a stricter policy it would have been looked at more closely: it has to be opened again.</summary>
    public bool HoldsUnder(PolicyTable policies) =>
        policies.Find(Source) is { } policy && policy.Asked.Id == PolicyId && policy.Hosts.Allows(Host, Port) && (Strict || !policy.Asked.Strict);
}
