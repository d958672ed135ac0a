using System.Buffers;
using System.Globalization;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace McpRuntime.Gateways.Embedded;

/// <summary>
/// Which headers pass. To the server: all but what belongs to the connection, to us (credentials, cookies, the browser's and proxies'
/// words on where a request came from), or to a session, which is opened apart. Back: only those named here, since the answer of a
/// container we do not trust is read at our own origin, where a cookie, a redirect or a policy of its making would act in our name.
/// </summary>
internal static class HeaderPolicy
{
    public const string SessionId = "Mcp-Session-Id";
    public const string LastEventId = "Last-Event-ID";
    public const string ProtocolVersion = "MCP-Protocol-Version";

    private static readonly SearchValues<char> VisibleText = SearchValues.Create([.. Enumerable.Range(0x20, 0x5F).Select(c => (char)c), '\t']);
    private static readonly SearchValues<char> VisibleAscii = SearchValues.Create([.. Enumerable.Range(0x21, 0x5E).Select(c => (char)c)]);

    private static readonly HashSet<string> NeverToServer = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "Expect",
        "Host", "Content-Length", "Authorization", "Cookie", "Origin", "Referer", "Forwarded", "Via", "X-Real-IP", "X-Original-URL", "X-Rewrite-URL", SessionId, LastEventId,

        // Streams of events are read on the way: see SseRewriter.
        "Accept-Encoding",
    };

    private static readonly string[] NeverToServerPrefixes = ["X-Forwarded-", "Sec-", "Access-Control-", Stdio.ReplicaSignature.Prefix, ":"];

    private static readonly HashSet<string> ToClient = new(StringComparer.OrdinalIgnoreCase)
    {
        "Content-Type", "Content-Encoding", "Content-Language", "Cache-Control", "Expires", "Vary", "Retry-After", "Allow", "Warning",
    };

    public static bool IsVisibleAscii(string value) => value.Length > 0 && !value.AsSpan().ContainsAnyExcept(VisibleAscii);

    /// <returns>The name of an MCP header whose value is not plain text and so can't be passed on; null when all is well.</returns>
    public static string? CopyToServer(IHeaderDictionary from, HttpRequestMessage to)
    {
        var named = Named(from.Connection);
        foreach (var (name, values) in from)
        {
            if (NeverToServer.Contains(name) || named.Contains(name) || NeverToServerPrefixes.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)))
            {
                continue;
            }

            if (!IsPlainText(values))
            {
                if (name.StartsWith("Mcp-", StringComparison.OrdinalIgnoreCase))
                {
                    return name;
                }

                continue;
            }

            if (!name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase))
            {
                to.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
            else
            {
                to.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        return null;
    }

    /// <summary>The length is passed by who copies the body; the session id by who seals it.</summary>
    public static void CopyToClient(HttpResponseMessage from, IHeaderDictionary to)
    {
        Copy(from.Headers, to);
        Copy(from.Content.Headers, to);
        to["X-Accel-Buffering"] = "no";

        // Were it opened in a browser: never guessed at, never run.
        to.XContentTypeOptions = "nosniff";
        to.ContentSecurityPolicy = "default-src 'none'; sandbox";
    }

    /// <summary>2026-07-28 and later: no sessions, no resumption. A request of that era that carries their headers is to be read as if it did not.</summary>
    public static bool IsStateless(IHeaderDictionary headers) =>
        headers[ProtocolVersion] is [{ Length: 10 } version]
        && DateOnly.TryParseExact(version, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _)
        && string.CompareOrdinal(version, "2026-07-28") >= 0;

    private static void Copy(HttpHeaders from, IHeaderDictionary to)
    {
        foreach (var (name, values) in from.NonValidated)
        {
            var isMcp = name.StartsWith("Mcp-", StringComparison.OrdinalIgnoreCase) && !name.Equals(SessionId, StringComparison.OrdinalIgnoreCase);
            if (isMcp || ToClient.Contains(name))
            {
                var kept = values.Where(value => IsPlainText(value)).ToArray();
                if (kept.Length > 0)
                {
                    to[name] = kept;
                }
            }
        }
    }

    // Kestrel itself reduces Connection to "close" or "keep-alive"; this is for whatever else may stand before us.
    private static HashSet<string> Named(StringValues connection) =>
        connection.Count == 0 ? [] : new(connection.SelectMany(value => (value ?? "").Split(',', StringSplitOptions.TrimEntries)), StringComparer.OrdinalIgnoreCase);

    private static bool IsPlainText(StringValues values)
    {
        foreach (var value in values)
        {
            if (value.AsSpan().ContainsAnyExcept(VisibleText))
            {
                return false;
            }
        }

        return true;
    }
}
