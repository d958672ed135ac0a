using System.Globalization;
using System.Text;

namespace McpRuntime.Gateways.Egress;

/// <summary>
/// A plain HTTP request as it goes on: origin form, the Host of the checked target whatever the client wrote, one request a
/// connection, and a body of known length: a second request, with another Host, can't ride behind the first.
/// </summary>
/// <param name="Body">Where the body ends.</param>
internal sealed record ForwardedRequest(HostName Host, int Port, byte[] Head, BodyFraming Body)
{
    private static readonly HashSet<string> HopByHop = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "Upgrade", "Host", "Content-Length",
        "Transfer-Encoding", "HTTP2-Settings",
    };

    /// <summary>From the absolute form (<c>GET http://host/path</c>); null: not a request we forward.</summary>
    public static ForwardedRequest? FromAbsolute(RequestHead head)
    {
        const string Scheme = "http://";
        if (!head.Target.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var rest = head.Target.AsSpan(Scheme.Length);
        var pathAt = rest.IndexOfAny("/?#");
        var authority = pathAt < 0 ? rest : rest[..pathAt];
        var path = pathAt < 0 ? "/" : rest[pathAt] == '/' ? rest[pathAt..].ToString() : $"/{rest[pathAt..]}";
        return !authority.Contains('@') && !path.Contains('#', StringComparison.Ordinal) && ParseHost(authority) is var (host, port)
            ? Create(head, host, port, path)
            : null;
    }

    /// <summary>From the origin form inside a tunnel: its Host must be the host the tunnel was opened to.</summary>
    public static ForwardedRequest? FromOrigin(RequestHead head, HostName host, int port)
    {
        var named = head.Single("Host", out var repeated);
        return named is not null && !repeated && head.Target.StartsWith('/') && ParseHost(named) is var (inner, innerPort) && inner == host && innerPort == port
            ? Create(head, host, port, head.Target)
            : null;
    }

    private static (HostName Host, int Port)? ParseHost(ReadOnlySpan<char> authority) =>
        HostName.ParseAuthority(authority) ?? (HostName.Parse(authority) is { } host ? (host, 80) : null);

    private static ForwardedRequest? Create(RequestHead head, HostName host, int port, string path)
    {
        if (head.Method == "CONNECT" || FramingOf(head) is not { } body)
        {
            return null;
        }

        var named = NamedByConnection(head);
        var text = new StringBuilder(512);
        text.Append(CultureInfo.InvariantCulture, $"{head.Method} {path} HTTP/1.1\r\nHost: {host}{(port == 80 ? "" : $":{port}")}\r\n");
        foreach (var (name, value) in head.Fields)
        {
            if (!HopByHop.Contains(name) && !named.Contains(name))
            {
                text.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
            }
        }

        text.Append(body.Field).Append("Connection: close\r\n\r\n");
        return new ForwardedRequest(host, port, Encoding.Latin1.GetBytes(text.ToString()), body);
    }

    private static HashSet<string> NamedByConnection(RequestHead head) => head.Fields
        .Where(f => f.Name.Equals("Connection", StringComparison.OrdinalIgnoreCase) || f.Name.Equals("Proxy-Connection", StringComparison.OrdinalIgnoreCase))
        .SelectMany(f => f.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        .ToHashSet(StringComparer.OrdinalIgnoreCase);

    // RFC 9112 §6.3; both fields at once, or either twice, is how requests are smuggled.
    private static BodyFraming? FramingOf(RequestHead head)
    {
        var coding = head.Single("Transfer-Encoding", out var codedTwice);
        var length = head.Single("Content-Length", out var sizedTwice);
        if (codedTwice || sizedTwice || (coding is not null && length is not null))
        {
            return null;
        }

        if (coding is not null)
        {
            return coding.Equals("chunked", StringComparison.OrdinalIgnoreCase) ? BodyFraming.Chunked() : null;
        }

        return length is null ? BodyFraming.Of(0, stated: false)
            : long.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? BodyFraming.Of(bytes, stated: true)
            : null;
    }
}
