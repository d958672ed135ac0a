using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Http;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine.Wire;

/// <summary>IBM Cloud Logs, where the account routes its platform logs there: minutes late, and kept after an instance is gone.</summary>
internal sealed class CloudLogs(CodeEngineWire wire, CodeEngineOptions options, TimeProvider time)
{
    private const long LargestReply = 16L << 20;

    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(15);

    /// <summary>Looked back when the caller names no time.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromHours(24);

    public bool IsConfigured => options.CloudLogsUrl is not null;

    /// <exception cref="BackendFault">It does not answer.</exception>
    public async Task<IReadOnlyList<LogLine>> ReadAsync(string app, LogQuery query, CancellationToken ct)
    {
        using var clock = new CancellationTokenSource(Usual, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(options.CloudLogsUrl!, "/v1/query"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await wire.Token.GetAsync(limited.Token));
            request.Headers.Accept.ParseAdd("text/event-stream");
            request.Content = new StringContent(Body(app, query).ToJsonString(), Encoding.UTF8, "application/json");
            using var reply = await wire.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limited.Token);
            if (!reply.IsSuccessStatusCode)
            {
                throw Away($"Cloud Logs answered {(int)reply.StatusCode}");
            }

            await using var body = new BoundedStream(await reply.Content.ReadAsStreamAsync(limited.Token), LargestReply);
            using var reader = new StreamReader(body, Encoding.UTF8);
            List<LogLine> lines = [];
            while (await reader.ReadLineAsync(limited.Token) is { } line)
            {
                if (line.StartsWith("data:", StringComparison.Ordinal))
                {
                    lines.AddRange(Parse(line["data:".Length..]));
                }
            }

            return [.. lines.Where(l => query.Stream is null || l.Stream == query.Stream).OrderBy(l => l.At).TakeLast(query.Tail)];
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw Away("Cloud Logs did not answer in time", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            // No JSON, or a name twice in one object.
            throw Away("Cloud Logs' answer is not understood", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Away(e.GetBaseException().Message, e);
        }
    }

    /// <summary>App names are ours and hold no quotes.</summary>
    private JsonObject Body(string app, LogQuery query) => new()
    {
        ["query"] = $"app:\"codeengine\" AND codeengine.component:\"{app}\"",
        ["metadata"] = new JsonObject
        {
            ["start_date"] = Time(query.Since ?? time.GetUtcNow() - Window),
            ["end_date"] = Time(query.Until ?? time.GetUtcNow()),
            ["tier"] = "frequent_search",
            ["syntax"] = "lucene",
            ["limit"] = query.Tail,
        },
    };

    /// <summary>One event: results, each with its line's own JSON in <c>user_data</c>. The shape of that is inferred from the documented field names.</summary>
    private static IEnumerable<LogLine> Parse(string data)
    {
        foreach (var result in Field(Field(JsonNode.Parse(data), "result"), "results") as JsonArray ?? [])
        {
            var said = Field(result, "user_data");
            var fields = said is JsonValue value && value.TryGetValue<string>(out var inner) ? FieldsOf(inner) : said;
            var message = Field(fields, "message") is JsonObject nested ? Field(nested, "message")?.ToString() : Field(fields, "message")?.ToString();
            var at = (Field(result, "metadata") as JsonArray)?.FirstOrDefault(m => Field(m, "key")?.ToString() == "timestamp");
            if (message is not null)
            {
                yield return new LogLine(
                    DateTimeOffset.TryParse(Field(at, "value")?.ToString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : default,
                    Field(fields, "stream")?.ToString() == "stderr" ? LogStream.Stderr : LogStream.Stdout,
                    null,
                    message);
            }
        }
    }

    /// <summary>A line that is no JSON object is what the server wrote, as it is.</summary>
    private static JsonObject FieldsOf(string line)
    {
        try
        {
            if (JsonNode.Parse(line) is JsonObject fields)
            {
                return fields;
            }
        }
        catch (JsonException)
        {
            // Told as text below.
        }

        return new JsonObject { ["message"] = line };
    }

    /// <summary>Null of what is no object: nothing here has a shape that anybody promised.</summary>
    private static JsonNode? Field(JsonNode? node, string name) => node is JsonObject fields && fields.TryGetPropertyValue(name, out var value) ? value : null;

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    private static BackendFault Away(string what, Exception? inner = null) => new(new Fault(FaultKind.Transient, "LogsUnavailable", what), inner);
}
