using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Gateways.Embedded;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// By what replicas know each other's requests: a signature, with a key that only they have, over everything the bridge acts upon. What
/// was overheard serves for nothing else (method, server, caller, body and headers are signed), for nobody else (so is the life of the
/// process it was meant for), not for long (the moment), and never again (a number used once, which that life remembers).
/// </summary>
internal sealed class ReplicaSignature(GatewayOptions options, TimeProvider time)
{
    /// <summary>Nobody but a replica may send headers that begin so.</summary>
    public const string Prefix = "X-Mcp-Replica-";

    /// <summary>Clocks of machines that keep time differ by far less.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);

    private const string SignatureHeader = Prefix + "Signature";
    private const string CallerHeader = Prefix + "Caller";
    private const string OwnerHeader = Prefix + "Owner";
    private const string BodyHeader = Prefix + "Body";

    /// <summary>All that a bridge reads of a request's head: these pass from replica to replica, and no others.</summary>
    private static readonly string[] Passed = ["Accept", "Content-Type", HeaderPolicy.SessionId, HeaderPolicy.LastEventId, HeaderPolicy.ProtocolVersion, "Mcp-Method", "Mcp-Name"];

    // The same signature may pass from Skew before its moment until Skew after.
    private readonly UsedOnce _used = new(Skew + Skew, time);

    /// <summary>A request as another replica is sent it.</summary>
    /// <param name="owner">The life of the process it is meant for.</param>
    public HttpRequestMessage Signed(HttpRequestMessage request, byte[]? body, Uri to, string resource, string owner, string caller)
    {
        var sent = new HttpRequestMessage(request.Method, to) { Content = body is null ? null : new ByteArrayContent(body) };
        var passed = Passed.ToDictionary(name => name, name => Value(request, name), StringComparer.Ordinal);
        foreach (var (name, value) in passed.Where(header => header.Value.Length > 0))
        {
            if (!sent.Headers.TryAddWithoutValidation(name, value))
            {
                sent.Content?.Headers.TryAddWithoutValidation(name, value);
            }
        }

        var claims = new Claims(request.Method.Method, resource, owner, Convert.ToBase64String(Encoding.UTF8.GetBytes(caller)), Hash(body ?? []), name => passed[name]);
        sent.Headers.TryAddWithoutValidation(OwnerHeader, owner);
        sent.Headers.TryAddWithoutValidation(CallerHeader, claims.Caller);
        sent.Headers.TryAddWithoutValidation(BodyHeader, claims.Body);
        sent.Headers.TryAddWithoutValidation(SignatureHeader, Sign(claims, time.GetUtcNow().ToUnixTimeSeconds(), Guid.NewGuid()));
        return sent;
    }

    /// <summary>Judged by the head alone: of a stranger's body nothing is read.</summary>
    /// <returns>Null, and why: it is not (or not any more) a replica's.</returns>
    public ReplicaRequest? Verified(HttpRequest request, string resource, out string why)
    {
        why = "it is not signed";
        if (options.ReplicaKey.Length == 0
            || request.Headers[SignatureHeader] is not [{ } signature]
            || request.Headers[OwnerHeader] is not [{ } owner]
            || request.Headers[CallerHeader] is not [{ } caller]
            || request.Headers[BodyHeader] is not [{ } body]
            || signature.Split('.') is not [var moment, var nonce, _]
            || !long.TryParse(moment, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            || !Guid.TryParseExact(nonce, "N", out var once)
            || Text(caller) is not { } subject)
        {
            return null;
        }

        var claims = new Claims(request.Method, resource, owner, caller, body, name => request.Headers[name].ToString());
        why = "it was altered, or signed with another key";
        if (!CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Sign(claims, seconds, once)), Encoding.UTF8.GetBytes(signature)))
        {
            return null;
        }

        // Signed, so it is a moment that a replica's clock really showed.
        why = $"it is older, or younger, than {Skew.TotalSeconds:0} s; do the replicas' clocks keep time?";
        if ((time.GetUtcNow() - DateTimeOffset.FromUnixTimeSeconds(seconds)).Duration() > Skew)
        {
            return null;
        }

        why = "it was sent before";
        return _used.TryUse(once) ? new ReplicaRequest(owner, subject, body) : null;
    }

    public static string Hash(ReadOnlySpan<byte> body) => Convert.ToHexStringLower(SHA256.HashData(body));

    private string Sign(Claims claims, long seconds, Guid once)
    {
        var moment = string.Create(CultureInfo.InvariantCulture, $"{seconds}.{once:N}");

        // One claim a line: no header's value, and no part of an address, holds the end of one.
        var text = string.Join('\n', (string[])[moment, claims.Method, claims.Resource, claims.Owner, claims.Caller, claims.Body, .. Passed.Select(claims.Header)]);
        return $"{moment}.{Convert.ToHexStringLower(HMACSHA256.HashData(options.ReplicaKey, Encoding.UTF8.GetBytes(text)))}";
    }

    private static string Value(HttpRequestMessage request, string name) =>
        request.Headers.NonValidated.TryGetValues(name, out var values) || request.Content?.Headers.NonValidated.TryGetValues(name, out values) == true ? string.Join(", ", values) : "";

    private static string? Text(string base64)
    {
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length) ? Encoding.UTF8.GetString(bytes, 0, length) : null;
    }

    private sealed record Claims(string Method, string Resource, string Owner, string Caller, string Body, Func<string, string> Header);
}

/// <summary>What a replica says with a request, believed.</summary>
/// <param name="Owner">Whom it is meant for.</param>
/// <param name="BodyHash">Of the body that must follow.</param>
internal sealed record ReplicaRequest(string Owner, string Caller, string BodyHash);

/// <summary>Remembers what was used, for at least as long as told.</summary>
internal sealed class UsedOnce(TimeSpan kept, TimeProvider time)
{
    private readonly Lock _lock = new();
    private HashSet<Guid> _young = [];
    private HashSet<Guid> _old = [];
    private long _since = time.GetTimestamp();

    public bool TryUse(Guid one)
    {
        lock (_lock)
        {
            if (time.GetElapsedTime(_since) >= kept)
            {
                (_old, _young, _since) = (_young, [], time.GetTimestamp());
            }

            return !_old.Contains(one) && _young.Add(one);
        }
    }
}
