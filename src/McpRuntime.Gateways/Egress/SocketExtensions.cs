using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Gateways.Egress;

internal static class SocketExtensions
{
    private const int DrainBytes = 256 * 1024;
    private static readonly TimeSpan FinishTime = TimeSpan.FromSeconds(2);

    public static void Tune(this Socket socket)
    {
        socket.NoDelay = true;
        // A peer that vanished without a word is found after a minute or so, also where no idle limit holds.
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
    }

    public static IPAddress LocalAddress(this Socket socket) => Plain(((IPEndPoint)socket.LocalEndPoint!).Address);

    public static IPAddress RemoteAddress(this Socket socket) => Plain(((IPEndPoint)socket.RemoteEndPoint!).Address);

    /// <summary>On a dual-stack listener IPv4 peers arrive mapped; everything here compares the plain form.</summary>
    public static IPAddress Plain(this IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    /// <summary>Closes with RST.</summary>
    public static void Reset(this Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Closed already: which is what is wanted.
            return;
        }

        // Zero: abortive. A plain close would first shut the socket down under a receive that waits on it, and the peer would see an ordinary end.
        socket.Close(0);
    }

    /// <summary>Says the last word and waits for the peer to have read it: a close over unread input would be a reset that eats it.</summary>
    public static async Task FinishAsync(this Socket socket, ReadOnlyMemory<byte> lastWords, TimeProvider time, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(FinishTime, time);
        using var finishing = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        var buffer = ArrayPool<byte>.Shared.Rent(8 * 1024);
        try
        {
            while (!lastWords.IsEmpty)
            {
                lastWords = lastWords[await socket.SendAsync(lastWords, SocketFlags.None, finishing.Token)..];
            }

            socket.Shutdown(SocketShutdown.Send);
            for (var drained = 0; drained < DrainBytes;)
            {
                var read = await socket.ReceiveAsync(buffer, SocketFlags.None, finishing.Token);
                if (read == 0)
                {
                    return;
                }

                drained += read;
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            socket.Reset();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
