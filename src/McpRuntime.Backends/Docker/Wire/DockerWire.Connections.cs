using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace McpRuntime.Backends.Docker.Wire;

/// <summary>How the engine is connected to, and when a connection may have led to another one.</summary>
internal sealed partial class DockerWire
{
    private readonly ConcurrentDictionary<Socket, byte> _open = new();
    private long _connections;

    /// <summary>
    /// Connections made so far that may lead to another engine behind the same address. One to a local socket, made while another is
    /// still alive, leads to the same: an engine that ends closes them all.
    /// </summary>
    public long Connections => Interlocked.Read(ref _connections);

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var socket = _endpoint.SocketPath is null
            ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
            : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            EndPoint target = _endpoint.SocketPath is { } path ? new UnixDomainSocketEndPoint(path) : context.DnsEndPoint;
            await socket.ConnectAsync(target, ct);
            if (_endpoint.SocketPath is null || !_open.Keys.Any(IsAlive))
            {
                Interlocked.Increment(ref _connections);
            }

            _open.TryAdd(socket, 0);
            return new Connection(socket, () => _open.TryRemove(socket, out _));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static bool IsAlive(Socket socket)
    {
        try
        {
            // Readable, and nothing to read: the other side has closed it.
            return !(socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0);
        }
        catch (Exception gone) when (gone is ObjectDisposedException or SocketException)
        {
            return false;
        }
    }

    private sealed class Connection(Socket socket, Action closed) : NetworkStream(socket, ownsSocket: true)
    {
        protected override void Dispose(bool disposing)
        {
            closed();
            base.Dispose(disposing);
        }
    }

    /// <summary>DOCKER_CERT_PATH's layout. The engine must be signed by <c>ca.pem</c>; the machine's own roots do not count.</summary>
    private SslClientAuthenticationOptions TlsOptions(string folder)
    {
        using var pem = X509Certificate2.CreateFromPemFile(Path.Combine(folder, "cert.pem"), Path.Combine(folder, "key.pem"));
        // A key read from PEM is ephemeral, which some platforms' TLS does not take: once through PKCS#12.
        var own = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        var authority = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(folder, "ca.pem"));
        _certificates.Add(own);
        _certificates.Add(authority);
        return new SslClientAuthenticationOptions
        {
            ClientCertificates = [own],
            CertificateChainPolicy = new X509ChainPolicy
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { authority },
                RevocationMode = X509RevocationMode.NoCheck,
            },
        };
    }
}
