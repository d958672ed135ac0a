using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways.ContextForge;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Access;

/// <inheritdoc cref="IRegistrationTokens"/>
/// <remarks>
/// A token is an HMAC of record and marker under a key of its own; its row has the hash, as any token's. The marker is the period it
/// was made for, with the number of those of that period that were ended by hand: ending one makes the next.
/// </remarks>
internal sealed class RegistrationTokens(ITokenStore store, MasterKey master, TimeProvider time) : IRegistrationTokens
{
    public const string Subject = "contextforge";

    /// <summary>How long one is handed out. It is valid for one more, so that a gateway that is away that long comes back to a valid one.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromDays(30);

    private readonly byte[] _key = master.Derive("runtime-token");

    public async Task<Func<string, string>> MarkersAsync(string? only, CancellationToken ct)
    {
        var tokens = only is null ? await store.ListAsync(ct) : await store.OfRuntimeAsync(only, ct);
        var period = time.GetUtcNow().Ticks / Period.Ticks;
        // One that somebody rotated has a shorter life than it was given: its successor is due before it ends.
        var until = new DateTimeOffset((period + 1) * Period.Ticks, TimeSpan.Zero);
        var ended = tokens.Where(token => token.RevokedAt is not null || token.ExpiresAt < until).Select(token => token.Id).ToHashSet(StringComparer.Ordinal);
        return recordId =>
        {
            var number = 0;
            while (ended.Contains(IdOf(recordId, Marker(period, number))))
            {
                number++;
            }

            return Marker(period, number);
        };
    }

    public async Task<SecretText> OpenAsync(string recordId, string marker, CancellationToken ct)
    {
        var text = ApiTokens.Prefix + Base64Url.EncodeToString(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{recordId}\n{marker}")));
        var now = time.GetUtcNow();
        await store.AddAsync(new ApiToken(IdOf(recordId, marker), Subject, Roles.Caller, [], now, now + (2 * Period), RevokedAt: null, recordId), ApiTokens.HashOf(text), ct);
        return new SecretText(text);
    }

    public async Task RevokeAsync(string recordId, CancellationToken ct)
    {
        foreach (var token in (await store.OfRuntimeAsync(recordId, ct)).Where(token => token.Subject == Subject && token.RevokedAt is null))
        {
            await store.RevokeAsync(token.Id, ct);
        }
    }

    private static string Marker(long period, int number) => string.Create(CultureInfo.InvariantCulture, $"{period}.{number}");

    private static string IdOf(string recordId, string marker) => $"tok_{recordId}_{marker}";
}
