using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace McpRuntime.SampleServer;

/// <summary>A TLS connection as a client with a proxy makes it: CONNECT, then the handshake with the name it is told to send.</summary>
internal static class TlsTunnel
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <param name="hold">How long it stays open afterwards; cut before, it throws.</param>
    [SuppressMessage("Security", "CA5359:Do not disable certificate validation", Justification = "A probe: whoever answers is what it wants to know, not whether they can prove who they are.")]
    public static async Task<string> OpenAsync(string host, int port, string serverName, TimeSpan hold, CancellationToken ct)
    {
        var proxy = Environment.GetEnvironmentVariable("HTTPS_PROXY") is { Length: > 0 } url ? new Uri(url) : null;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(Patience);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(proxy?.Host ?? host, proxy?.Port ?? port, deadline.Token);
            if (proxy is not null)
            {
                await AskAsync(client.GetStream(), host, port, deadline.Token);
            }

            await using var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, (_, _, _, _) => true);
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = serverName }, deadline.Token);
            if (hold > TimeSpan.Zero)
            {
                await HoldAsync(tls, hold, ct);
            }

            return $"TLS with {tls.RemoteCertificate?.Subject}";
        }
        catch (OperationCanceledException fault) when (!ct.IsCancellationRequested)
        {
            throw new TimeoutException("timed out", fault);
        }
    }

    private static async Task AskAsync(NetworkStream proxy, string host, int port, CancellationToken ct)
    {
        await proxy.WriteAsync(Encoding.ASCII.GetBytes(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n")), ct);
        var answer = new byte[4096];
        var length = 0;
        while (!answer.AsSpan(0, length).EndsWith("\r\n\r\n"u8))
        {
            var read = await proxy.ReadAsync(answer.AsMemory(length), ct);
            if (read == 0)
            {
                break;
            }

            length += read;
        }

        var words = Encoding.ASCII.GetString(answer, 0, length);
        if (!words.StartsWith("HTTP/1.1 200", StringComparison.Ordinal))
        {
            throw new IOException(words.ReplaceLineEndings(" "));
        }
    }

    private static async Task HoldAsync(SslStream tls, TimeSpan hold, CancellationToken ct)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        over.CancelAfter(hold);
        try
        {
            if (await tls.ReadAsync(new byte[1], over.Token) == 0)
            {
                throw new IOException("the other side ended it");
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // It was open all the time.
            return;
        }
    }
}
