using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace McpRuntime.Backends.Kubernetes.Wire;

/// <summary>Where a cluster's API server is, what its certificate must be, and who we are to it.</summary>
/// <param name="Authority">PEM of the only authorities believed; null: this machine's own.</param>
/// <param name="Insecure">The server's certificate is not checked. Only where the kubeconfig says so in so many words.</param>
/// <param name="Namespace">Of the context; null: none is named.</param>
public sealed record ClusterAccess(Uri Server, string? Authority, bool Insecure, string? ServerName, X509Certificate2? Certificate, ITokenSource Token, string? Namespace)
{
    /// <summary>The Pod's own service account. The files are read anew as they change: its token lives an hour.</summary>
    public const string AccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

    /// <summary>The kubeconfig named, or else the Pod we run in.</summary>
    /// <exception cref="FormatException">Neither is there, or it can't be used; the message says what and where.</exception>
    public static ClusterAccess Find(string? kubeconfig, TimeProvider time, string accountFolder = AccountFolder, Func<string, string?>? environment = null)
    {
        if (kubeconfig is not null)
        {
            return Kubeconfig.Load(kubeconfig, context: null, time);
        }

        var read = environment ?? Environment.GetEnvironmentVariable;
        var (host, port) = (read("KUBERNETES_SERVICE_HOST"), read("KUBERNETES_SERVICE_PORT_HTTPS") ?? read("KUBERNETES_SERVICE_PORT"));
        var token = Path.Combine(accountFolder, "token");
        if (host is null || port is null || !File.Exists(token))
        {
            throw new FormatException("RUNTIME_KUBERNETES_KUBECONFIG is not set, and this is no Pod with a mounted service account: set it to the path of a kubeconfig.");
        }

        var space = Path.Combine(accountFolder, "namespace");
        return new ClusterAccess(
            new Uri($"https://{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}/"),
            File.ReadAllText(Path.Combine(accountFolder, "ca.crt")),
            Insecure: false,
            ServerName: null,
            Certificate: null,
            new FileToken(token, time),
            File.Exists(space) ? File.ReadAllText(space).Trim() : null);
    }

    internal SslClientAuthenticationOptions Tls()
    {
        var tls = new SslClientAuthenticationOptions { TargetHost = ServerName ?? Server.Host };
        if (Certificate is not null)
        {
            tls.LocalCertificateSelectionCallback = (_, _, _, _, _) => Certificate;
        }

        if (Insecure)
        {
#pragma warning disable CA5359 // Only where the kubeconfig says insecure-skip-tls-verify.
            tls.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        }
        else if (Authority is not null)
        {
            var roots = new X509Certificate2Collection();
            roots.ImportFromPem(Authority);
            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
        }

        return tls;
    }

    /// <exception cref="FormatException">Not a certificate with its key.</exception>
    internal static X509Certificate2 Pair(string certificate, string key, string where)
    {
        try
        {
            using var pem = X509Certificate2.CreateFromPem(certificate, key);
            // A key that was read from PEM alone is not taken by every TLS stack; one from PKCS#12 is.
            return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), password: null);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new FormatException($"{where}: the client certificate and its key are no pair of PEM blocks.", e);
        }
    }
}
