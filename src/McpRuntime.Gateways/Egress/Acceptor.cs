using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Egress;

/// <summary>One listening socket. What handles a connection owns it and never throws for what a peer does.</summary>
internal sealed partial class Acceptor(IPEndPoint at, Func<Socket, CancellationToken, Task> handle, TimeProvider time, ILogger logger) : IDisposable
{
    private const int Backlog = 512;

    // Out of descriptors, mostly: accepting again at once would spin.
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMilliseconds(100);

    private readonly Socket _listener = new(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);

    /// <summary>With the real port where 0 was asked for.</summary>
    public IPEndPoint Endpoint => (IPEndPoint)_listener.LocalEndPoint!;

    public void Bind()
    {
        if (at.AddressFamily == AddressFamily.InterNetworkV6)
        {
            _listener.DualMode = true;
        }

        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(at);
        _listener.Listen(Backlog);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                var socket = await _listener.AcceptAsync(ct);
                _ = GuardedAsync(socket, ct);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e)
            {
                Log.AcceptFailed(logger, at.Port, e.Message);
                await Task.Delay(AfterFailure, time, CancellationToken.None);
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    private async Task GuardedAsync(Socket socket, CancellationToken ct)
    {
        try
        {
            socket.Tune();
            await handle(socket, ct);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException or IOException)
        {
            // The peer went away; nothing of ours is wrong.
            Log.PeerGone(logger, at.Port, e.Message);
        }
        catch (Exception e)
        {
            // The edge of one connection: a fault of ours here must cost this connection only, and be seen.
            Log.HandlerFailed(logger, e, at.Port);
        }
        finally
        {
            socket.Dispose();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "accepting on port {Port} failed: {Reason}")]
        public static partial void AcceptFailed(ILogger logger, int port, string reason);

        [LoggerMessage(Level = LogLevel.Debug, Message = "a peer on port {Port} went away: {Reason}")]
        public static partial void PeerGone(ILogger logger, int port, string reason);

        [LoggerMessage(Level = LogLevel.Error, Message = "a connection on port {Port} failed")]
        public static partial void HandlerFailed(ILogger logger, Exception exception, int port);
    }
}
