using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Backends.Http;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Settings;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Approvals;

/// <summary>Empties the outbox: each message until it is received, at least once, with growing pauses, for a day. Nothing waits for it.</summary>
internal sealed partial class WebhookDelivery(Database database, WebhookClient client, ILease lease, ApprovalMetrics metrics, TimeProvider time, ILogger<WebhookDelivery> logger)
{
    private const int AtOnce = 20;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);

    /// <summary>After so long the message is no news: an approval expires in 48 hours.</summary>
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromHours(24);

    public async Task RunAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var due = await database.ReadAsync(
            (db, stop) => db.Webhooks.Where(row => row.NextTryAt <= now).OrderBy(row => row.NextTryAt).Take(AtOnce).ToListAsync(stop),
            ct);
        foreach (var message in due)
        {
            if (lease.Current is null)
            {
                return;
            }

            await SettleAsync(message, await client.SendAsync(message.Id, message.Body, ct), ct);
        }
    }

    /// <param name="trouble">Null: received.</param>
    private async Task SettleAsync(WebhookRow message, string? trouble, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var over = now - DateTimeOffset.FromUnixTimeMilliseconds(message.CreatedAt) >= GiveUpAfter;
        metrics.Webhooks.Add(1, new KeyValuePair<string, object?>("outcome", trouble is null ? "received" : over ? "given_up" : "failed"));
        if (trouble is not null && (over || message.Attempts == 0))
        {
            Log.NotReceived(logger, message.Id, trouble, over ? "given up" : "tried again with growing pauses");
        }

        var again = now + Pause(message.Attempts);
        await database.WriteAsync(
            async (db, stop) =>
            {
                var rows = db.Webhooks.Where(row => row.Id == message.Id);
                return trouble is null || over
                    ? await rows.ExecuteDeleteAsync(stop)
                    : await rows.ExecuteUpdateAsync(row => row.SetProperty(r => r.Attempts, r => r.Attempts + 1).SetProperty(r => r.NextTryAt, again.ToUnixTimeMilliseconds()), stop);
            },
            ct);
    }

    internal static TimeSpan Pause(int attempts) => attempts >= 12 || FirstPause * (1 << attempts) > LongestPause ? LongestPause : FirstPause * (1 << attempts);

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "The approval webhook did not receive message {Id}: {Trouble}; {Then}")]
        public static partial void NotReceived(ILogger logger, string id, string trouble, string then);
    }
}

/// <summary>
/// Posts one message. The address is resolved once, judged, and connected to: what a name resolves to later is not asked. No redirect is
/// followed, since it would lead where nobody has looked.
/// </summary>
internal sealed class WebhookClient : IDisposable
{
    public const string SignatureHeader = "X-McpRuntime-Signature";
    public const string IdHeader = "X-McpRuntime-Delivery";

    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(10);

    private readonly WebhookSettings _settings;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;

    public WebhookClient(WebhookSettings settings, IReadOnlyList<IPNetwork> allowed, TimeProvider time)
    {
        (_settings, _time) = (settings, time);
        var handler = PublicConnections.Handler(allowed, AnswerWithin);
        handler.PooledConnectionLifetime = TimeSpan.FromMinutes(1);
        _http = new HttpClient(handler) { Timeout = AnswerWithin };
    }

    /// <returns>Null: received (2xx). Else why not, in words that hold no secret.</returns>
    public async Task<string?> SendAsync(string id, string body, CancellationToken ct)
    {
        var at = _time.GetUtcNow().ToUnixTimeSeconds();
        using var request = new HttpRequestMessage(HttpMethod.Post, _settings.Url)
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        request.Headers.Add(IdHeader, id);
        request.Headers.Add(SignatureHeader, Sign(_settings.Secret, at, body));
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            return response.IsSuccessStatusCode ? null : $"it answered {(int)response.StatusCode}";
        }
        catch (HttpRequestException fault)
        {
            return fault.InnerException?.Message ?? fault.Message;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return $"no answer within {AnswerWithin.TotalSeconds:0} s";
        }
    }

    /// <summary><c>t=&lt;unix seconds&gt;,v1=&lt;hex HMAC-SHA256 of "t.body"&gt;</c>: with the time in it an old message can't be played again for long.</summary>
    public static string Sign(SecretText secret, long at, string body)
    {
        var signed = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{at}.{body}"));
        return string.Create(CultureInfo.InvariantCulture, $"t={at},v1={Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret.Reveal()), signed))}");
    }

    public void Dispose() => _http.Dispose();
}
