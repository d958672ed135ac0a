using System.Net;
using System.Net.Sockets;

namespace McpRuntime.CodeEngineDouble;

/// <summary>A port of its own on loopback whose connections lead to a real server, as bytes: nothing about streams is imitated.</summary>
internal sealed class Relay : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<(string Host, int Port)?> _upstream;

    public Relay(Func<(string Host, int Port)?> upstream)
    {
        _upstream = upstream;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync();
    }

    public int Port { get; }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var stop = _stop.Token;
        try
        {
            while (!stop.IsCancellationRequested)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(stop), stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            return; // The app is gone.
        }
    }

    private async Task ServeAsync(TcpClient caller, CancellationToken stop)
    {
        using (caller)
        {
            try
            {
                if (_upstream() is not { } to)
                {
                    return;
                }

                using var server = new TcpClient();
                await server.ConnectAsync(to.Host, to.Port, stop);
                await Task.WhenAny(caller.GetStream().CopyToAsync(server.GetStream(), stop), server.GetStream().CopyToAsync(caller.GetStream(), stop));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
            {
                return; // Either side hung up.
            }
        }
    }
}
