using System.Net;
using System.Net.Http.Headers;
using System.Text;
using McpRuntime.Backends.Http;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Catalogs;

/// <summary>
/// GETs of remote catalogs. Whoever runs the other end decides what comes back, so everything is bounded: time, size after
/// decompression, redirects; and every hop is judged anew: https to public addresses, and whatever RUNTIME_ALLOW_PRIVATE_ADDRESSES opens.
/// </summary>
internal sealed class CatalogWire : IDisposable
{
    /// <summary>Bytes; what the parser reads at most.</summary>
    public const int MaxBytes = 5 << 20;

    private const int MostRedirects = 5;

    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;

    public CatalogWire(RuntimeSettings settings, TimeProvider time)
    {
        (_timeout, _time) = (settings.Catalog.RemoteTimeout, time);
        var handler = PublicConnections.Handler(settings.Sources.AllowPrivateAddresses, _timeout, plainIsForAllowed: true);
        handler.AutomaticDecompression = DecompressionMethods.All;
        handler.MaxResponseHeadersLength = 32;
        // A look every few minutes: a kept connection would only be one whose address nobody judged again.
        handler.PooledConnectionLifetime = TimeSpan.Zero;
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <param name="etag">Of the copy we have; null asks for the whole.</param>
    /// <param name="atMost">Bytes.</param>
    /// <exception cref="CatalogUnreachableException">Why there is nothing to read.</exception>
    public async Task<CatalogReply> GetAsync(Uri url, string? etag, int atMost, CancellationToken ct)
    {
        using var late = new CancellationTokenSource(_timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, late.Token);
        try
        {
            return await FollowAsync(url, etag, atMost, either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new CatalogUnreachableException($"no whole answer within {_timeout.TotalSeconds:0} s (RUNTIME_CATALOG_REMOTE_TIMEOUT_SECONDS)");
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or InvalidDataException)
        {
            throw new CatalogUnreachableException(Innermost(fault).Message);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<CatalogReply> FollowAsync(Uri url, string? etag, int atMost, CancellationToken ct)
    {
        for (var hops = 0; hops <= MostRedirects; hops++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            request.Headers.UserAgent.ParseAdd("mcpruntime");
            request.Headers.Accept.ParseAdd("application/yaml, application/json;q=0.9, */*;q=0.5");
            if (etag is not null && EntityTagHeaderValue.TryParse(etag, out var tag))
            {
                request.Headers.IfNoneMatch.Add(tag);
            }

            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            if (response.StatusCode is HttpStatusCode.NotModified && etag is not null)
            {
                return new CatalogReply(null, etag);
            }

            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308))
            {
                return response.StatusCode is HttpStatusCode.OK
                    ? new CatalogReply(await ReadAsync(response.Content, atMost, ct), response.Headers.ETag?.ToString())
                    : throw new CatalogUnreachableException($"it answered {(int)response.StatusCode} {response.ReasonPhrase}".TrimEnd());
            }

            url = Target(url, response.Headers.Location);
        }

        throw new CatalogUnreachableException($"it redirects more than {MostRedirects} times");
    }

    private static Uri Target(Uri from, Uri? location)
    {
        var to = location is null ? null : new Uri(from, location);
        return to is { Scheme: "http" or "https", UserInfo.Length: 0 }
            ? to
            : throw new CatalogUnreachableException("it redirects to what is no http or https URL");
    }

    private static async Task<string> ReadAsync(HttpContent content, int atMost, CancellationToken ct)
    {
        if (content.Headers.ContentLength > atMost)
        {
            throw TooLarge(atMost);
        }

        await using var body = await content.ReadAsStreamAsync(ct);
        using var text = new MemoryStream();
        var buffer = new byte[32 * 1024];
        int read;
        while ((read = await body.ReadAsync(buffer, ct)) > 0)
        {
            // Counted as it comes: what was said of its length, and how well it was compressed, is the other end's word.
            if (text.Length + read > atMost)
            {
                throw TooLarge(atMost);
            }

            text.Write(buffer, 0, read);
        }

        var decoded = Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length);
        return decoded.Contains('\0', StringComparison.Ordinal) ? throw new CatalogUnreachableException("it holds a NUL: it is no text") : decoded.TrimStart('\uFEFF');
    }

    private static CatalogUnreachableException TooLarge(int atMost) =>
        new(atMost == MaxBytes ? $"it is larger than {MaxBytes >> 20} MiB" : $"its pages are larger than {MaxBytes >> 20} MiB in all");

    private static Exception Innermost(Exception fault) => fault.InnerException is { } inner ? Innermost(inner) : fault;
}

/// <param name="Text">Null: not modified.</param>
internal sealed record CatalogReply(string? Text, string? ETag);

/// <summary>What the wire throws, and nothing else does.</summary>
internal sealed class CatalogUnreachableException(string message) : Exception(message);
