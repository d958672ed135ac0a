using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Records;
using McpRuntime.Server.Records;

namespace McpRuntime.Server.Access;

/// <summary>Tokens of ours: <c>mcprt_</c> and 32 random bytes in base64url. Only the SHA-256 is stored.</summary>
internal sealed class ApiTokens(ITokenStore store, Patience patience, TimeProvider time)
{
    public const string Prefix = "mcprt_";

    private const int SecretBytes = 32;
    private const int MaxCached = 10_000;

    // Saves a query on every gateway call. A revoked token may live this much longer, on each replica.
    private static readonly TimeSpan CacheFor = TimeSpan.FromSeconds(2);

    /// <summary>
    /// While the database is away a token that was good before it went stays good for so long, lest an outage of ours be one of every
    /// server too. An expiry is kept to all the same; a revocation can't be made then.
    /// </summary>
    private static readonly TimeSpan LastKnownFor = TimeSpan.FromMinutes(15);

    private readonly ConcurrentDictionary<string, (ApiToken Token, long At)> _recent = new(StringComparer.Ordinal);

    public static string NewText() => Prefix + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));

    public static string NewId() => "tok_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

    public static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    public static bool IsWellFormed(string text)
    {
        Span<byte> secret = stackalloc byte[SecretBytes + 8];
        return text.Length == Prefix.Length + 43 && text.StartsWith(Prefix, StringComparison.Ordinal)
            && Base64Url.TryDecodeFromChars(text.AsSpan(Prefix.Length), secret, out var length) && length == SecretBytes;
    }

    /// <summary>Null: unknown, expired or revoked; the caller is not told which.</summary>
    public async Task<ApiToken?> FindAsync(string text, CancellationToken ct)
    {
        if (!IsWellFormed(text))
        {
            return null;
        }

        var hash = HashOf(text);
        if (!_recent.TryGetValue(hash, out var found) || time.GetElapsedTime(found.At) > CacheFor)
        {
            var at = time.GetTimestamp();
            var known = found.Token is not null && time.GetElapsedTime(found.At) < LastKnownFor ? found.Token : null;
            var token = known is null ? await store.FindByHashAsync(hash, ct) : await patience.AskAsync(stop => store.FindByHashAsync(hash, stop), known, ct);
            if (token is null)
            {
                _recent.TryRemove(hash, out _);
                return null;
            }

            if (!ReferenceEquals(token, known))
            {
                Remember(hash, (token, at));
            }

            found = (token, at);
        }

        var now = time.GetUtcNow();
        return found.Token.RevokedAt is null && (found.Token.ExpiresAt is null || found.Token.ExpiresAt > now) ? found.Token : null;
    }

    private void Remember(string hash, (ApiToken, long) found)
    {
        if (_recent.Count >= MaxCached)
        {
            _recent.Clear();
        }

        _recent[hash] = found;
    }
}
