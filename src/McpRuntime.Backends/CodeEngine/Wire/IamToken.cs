using System.Net;
using System.Text.Json;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Http;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.CodeEngine.Wire;

/// <summary>
/// The access token that an API key is good for. One asker at a time; renewed when 80 % of its life is over, and while that fails the
/// old one is used as long as it lives. Neither key nor token is in any message.
/// </summary>
internal sealed class IamToken(HttpClient http, Uri iam, SecretText key, Pause pause, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(6);

    /// <summary>Between tries to renew a token that still lives.</summary>
    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(60);

    /// <summary>When told to slow down without being told how long.</summary>
    private static readonly TimeSpan UsualPause = TimeSpan.FromSeconds(30);

    /// <summary>A token so close to its end may be over when it arrives.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _one = new(1);
    private Held? _held;
    private DateTimeOffset _nextTry;

    public void Dispose() => _one.Dispose();

    public async Task<string> GetAsync(CancellationToken ct)
    {
        if (_held is { } held && time.GetUtcNow() < held.RenewAt)
        {
            return held.Token;
        }

        await _one.WaitAsync(ct);
        try
        {
            var now = time.GetUtcNow();
            if (_held is { } meanwhile && (now < meanwhile.RenewAt || (now < _nextTry && now + Margin < meanwhile.EndsAt)))
            {
                return meanwhile.Token;
            }

            return await RenewAsync(now, ct);
        }
        finally
        {
            _ = _one.Release();
        }
    }

    /// <summary>It was turned away: the next asker gets another one. A newer one than <paramref name="token"/> stays.</summary>
    public void Drop(string token)
    {
        if (_held is { } held && held.Token == token)
        {
            _held = null;
        }
    }

    /// <summary>For the one API that wants to act on our behalf: the project's kubeconfig.</summary>
    public async Task<string> DelegatedAsync(CancellationToken ct)
    {
        var reply = await AskAsync(
            [
                new("grant_type", "urn:ibm:params:oauth:grant-type:apikey"),
                new("apikey", key.Reveal()),
                new("response_type", "delegated_refresh_token"),
                new("receiver_client_ids", "ce"),
                new("delegated_refresh_token_expiry", "3600"),
            ],
            ct);
        return reply.DelegatedRefreshToken ?? throw Odd("no delegated_refresh_token");
    }

    private async Task<string> RenewAsync(DateTimeOffset now, CancellationToken ct)
    {
        _nextTry = now + BetweenTries;
        try
        {
            var reply = await AskAsync([new("grant_type", "urn:ibm:params:oauth:grant-type:apikey"), new("apikey", key.Reveal()), new("response_type", "cloud_iam")], ct);
            var life = TimeSpan.FromSeconds(Math.Clamp(reply.ExpiresIn ?? 3600, 1, 86_400));
            _held = new Held(reply.AccessToken ?? throw Odd("no access_token"), now + (life * 0.8), now + life);
            return _held.Token;
        }
        catch (BackendFault fault) when (_held is { } old && now + Margin < old.EndsAt)
        {
            // Not told: the old token is good for a fifth of its life yet, and the next minute, or when IAM said, tries again.
            _nextTry = now + (fault.Fault.RetryAfter is { } asked && asked > BetweenTries ? asked : BetweenTries);
            return old.Token;
        }
        catch (BackendFault fault) when (fault.Fault is { Kind: FaultKind.Throttled, RetryAfter: { } asked })
        {
            // Without a token nobody can call anything.
            pause.Hold(asked);
            throw;
        }
    }

    private async Task<TokenReply> AskAsync(IReadOnlyList<KeyValuePair<string, string>> form, CancellationToken ct)
    {
        // Also for who waited for another's question, which brought the pause about.
        pause.ThrowWhileHeld();
        using var clock = new CancellationTokenSource(Longest, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(iam, "/identity/token")) { Content = new FormUrlEncodedContent(form) };
            request.Headers.Accept.ParseAdd("application/json");
            using var reply = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limited.Token);
            await using var body = new BoundedStream(await reply.Content.ReadAsStreamAsync(limited.Token), 1 << 20);
            if (!reply.IsSuccessStatusCode)
            {
                throw new BackendFault(await RefusalAsync(reply, body, limited.Token));
            }

            return await JsonSerializer.DeserializeAsync(body, CodeEngineJson.Default.TokenReply, limited.Token) ?? throw Odd("null");
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "IamTimeout", $"IAM at {iam.Host} did not answer within {Longest.TotalSeconds:0} s."), e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            ct.ThrowIfCancellationRequested();
            throw new BackendFault(new Fault(FaultKind.Transient, "IamUnreachable", $"IAM at {iam.Host} cannot be reached: {e.GetBaseException().Message}"), e);
        }
        catch (JsonException)
        {
            // Without the parser's words: they may quote the answer.
            throw Odd("no JSON");
        }
    }

    private async Task<Fault> RefusalAsync(HttpResponseMessage reply, Stream body, CancellationToken ct)
    {
        IamError? error = null;
        try
        {
            error = await JsonSerializer.DeserializeAsync(body, IamJson.Default.IamError, ct);
        }
        catch (JsonException)
        {
            error = null; // A proxy's page; the status says enough.
        }

        var words = $"IAM answered {(int)reply.StatusCode} {error?.ErrorCode} {error?.ErrorMessage}".TrimEnd();
        return reply.StatusCode switch
        {
            HttpStatusCode.BadRequest or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden =>
                new Fault(FaultKind.Unauthorized, "ApiKeyRefused", $"{words}. Check RUNTIME_IBM_CODE_ENGINE_API_KEY."),
            HttpStatusCode.TooManyRequests => new Fault(FaultKind.Throttled, "IamThrottled", words, pause.AskedBy(reply, UsualPause)),
            _ => new Fault(FaultKind.Transient, "IamError", words),
        };
    }

    private static BackendFault Odd(string what) => new(new Fault(FaultKind.Transient, "IamAnswer", $"IAM's answer is not what it documents: {what}."));

    private sealed record Held(string Token, DateTimeOffset RenewAt, DateTimeOffset EndsAt)
    {
        public override string ToString() => "token";
    }
}
