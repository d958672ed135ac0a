using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Http;
using McpRuntime.Core.Planning;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace McpRuntime.Backends.CodeEngine.Wire;

/// <summary>
/// The log of an instance's container, by the project's Kubernetes API. Inferred from what IBM's CLI does: an older API hands out the
/// project's kubeconfig for a delegated token, and the instance is a Pod of that name. No documentation promises it.
/// </summary>
internal sealed class ProjectPods(CodeEngineWire wire, CodeEngineOptions options, TimeProvider time) : IDisposable
{
    /// <summary>Inferred too.</summary>
    private const string Container = "user-container";

    private const long LargestReply = 16L << 20;

    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(10);

    /// <summary>The delegated token in a kubeconfig lives for an hour.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(30);

    private Cluster? _cluster;

    public void Dispose() => _cluster?.Dispose();

    /// <exception cref="BackendFault">The route does not answer.</exception>
    public async IAsyncEnumerable<LogLine> ReadAsync(string instance, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        using var clock = new CancellationTokenSource(query.Follow ? Timeout.InfiniteTimeSpan : Usual, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        var cluster = await ClusterAsync(ct);
        using var reply = await OpenAsync(cluster, instance, query, limited.Token, ct);
        await using var body = query.Follow ? await reply.Content.ReadAsStreamAsync(limited.Token) : new BoundedStream(await reply.Content.ReadAsStreamAsync(limited.Token), LargestReply);
        using var reader = new StreamReader(body, Encoding.UTF8);
        while (await LineAsync(reader, limited.Token, ct) is { } text)
        {
            if (Parse(text) is var line && (query.Since is null || line.At >= query.Since) && (query.Until is null || line.At <= query.Until))
            {
                yield return line;
            }
        }
    }

    /// <summary><c>2026-01-02T03:04:05.123456789Z text</c>. Both streams in one: Kubernetes does not say which a line came by.</summary>
    internal static LogLine Parse(string line)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        return space > 0 && DateTimeOffset.TryParse(line.AsSpan(0, space), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            ? new LogLine(at, LogStream.Stdout, null, line[(space + 1)..])
            : new LogLine(default, LogStream.Stdout, null, line);
    }

    private async Task<HttpResponseMessage> OpenAsync(Cluster cluster, string instance, LogQuery query, CancellationToken limited, CancellationToken ct)
    {
        var since = query.Since is { } from ? $"&sinceTime={Uri.EscapeDataString(from.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture))}" : "";
        var path = string.Create(
            CultureInfo.InvariantCulture,
            $"/api/v1/namespaces/{Uri.EscapeDataString(cluster.Namespace)}/pods/{Uri.EscapeDataString(instance)}/log?container={Container}&timestamps=true&tailLines={query.Tail}{since}{(query.Follow ? "&follow=true" : "")}");
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(cluster.Server, path));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", cluster.Token);
            var reply = await cluster.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limited);
            if (reply.IsSuccessStatusCode)
            {
                return reply;
            }

            reply.Dispose();
            _cluster = null;
            throw Away($"the project's Kubernetes API answered {(int)reply.StatusCode}");
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw Away("the project's Kubernetes API did not answer in time", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Away(e.GetBaseException().Message, e);
        }
    }

    private static async Task<string?> LineAsync(StreamReader reader, CancellationToken limited, CancellationToken ct)
    {
        try
        {
            return await reader.ReadLineAsync(limited);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw Away("the log did not end in time", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Away($"the log broke off: {e.Message}", e);
        }
    }

    private async Task<Cluster> ClusterAsync(CancellationToken ct)
    {
        if (_cluster is { } known && time.GetElapsedTime(known.At) < Fresh)
        {
            return known;
        }

        var token = await wire.Token.GetAsync(ct);
        var delegated = await wire.Token.DelegatedAsync(ct);
        using var clock = new CancellationTokenSource(Usual, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(options.KubeConfigBase, $"/api/v1/project/{Uri.EscapeDataString(options.ProjectId)}/config"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            request.Headers.TryAddWithoutValidation("X-Delegated-Refresh-Token", delegated);
            using var reply = await wire.Http.SendAsync(request, limited.Token);
            return reply.IsSuccessStatusCode
                ? _cluster = Parse(await reply.Content.ReadAsStringAsync(limited.Token), time.GetTimestamp())
                : throw Away($"the project's kubeconfig is not given out ({(int)reply.StatusCode})");
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw Away("the project's kubeconfig was not given out in time", e);
        }
        catch (HttpRequestException e)
        {
            throw Away(e.GetBaseException().Message, e);
        }
    }

    private static Cluster Parse(string kubeconfig, long at)
    {
        try
        {
            var yaml = new YamlStream();
            yaml.Load(new StringReader(kubeconfig));
            var root = yaml.Documents[0].RootNode;
            var server = Text(root, "clusters", "cluster", "server") ?? throw Away("the kubeconfig names no server");
            var token = Text(root, "users", "user", "token") ?? Text(root, "users", "user", "auth-provider", "config", "id-token") ?? throw Away("the kubeconfig holds no token");
            if (!Uri.TryCreate(server, UriKind.Absolute, out var address) || address.Scheme is not ("https" or "http") || token.Any(char.IsControl))
            {
                throw Away("the kubeconfig names no web address, or no token that can be sent");
            }

            return new Cluster(address, token, Text(root, "contexts", "context", "namespace") ?? "default", Text(root, "clusters", "cluster", "certificate-authority-data"), at);
        }
        catch (Exception e) when (e is YamlException or FormatException or ArgumentException or InvalidOperationException or CryptographicException)
        {
            // Without the parser's words: they may quote the token.
            throw Away("the kubeconfig is none, or holds a certificate that is none");
        }
    }

    /// <summary>Down the names; a list stands for its first item.</summary>
    private static string? Text(YamlNode node, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            var here = node is YamlSequenceNode { Children: [var first, ..] } ? first : node;
            if (here is not YamlMappingNode map || !map.Children.TryGetValue(new YamlScalarNode(name), out var next))
            {
                return null;
            }

            node = next;
        }

        return (node as YamlScalarNode)?.Value;
    }

    private static BackendFault Away(string what, Exception? inner = null) => new(new Fault(FaultKind.Transient, "LogsUnavailable", what), inner);

    private sealed class Cluster : IDisposable
    {
        private readonly X509Certificate2? _authority;

        public Cluster(Uri server, string token, string @namespace, string? authority, long at)
        {
            (Server, Token, Namespace, At) = (server, token, @namespace, at);
            _authority = authority is null ? null : X509Certificate2.CreateFromPem(Encoding.UTF8.GetString(Convert.FromBase64String(authority)));
            var handler = new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(5) };
            if (_authority is not null)
            {
                handler.SslOptions = new SslClientAuthenticationOptions
                {
                    CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { _authority }, RevocationMode = X509RevocationMode.NoCheck },
                };
            }

            Http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        }

        public Uri Server { get; }

        public string Token { get; }

        public string Namespace { get; }

        public long At { get; }

        public HttpClient Http { get; }

        public void Dispose()
        {
            Http.Dispose();
            _authority?.Dispose();
        }
    }
}
