using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Core.Planning;
using McpRuntime.Gateways.Upstream;

namespace McpRuntime.Gateways.Embedded.Probing;

/// <summary>The handshake of 2024-11-05: messages are posted to the address that the stream's first event names, answers come by the stream.</summary>
internal sealed class LegacySseHandshake(UpstreamConnector upstream, UpstreamAddress address, string path)
{
    public async Task<Attempt> RunAsync(CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, UpstreamConnector.UriOf(address, path));
        request.Headers.TryAddWithoutValidation("Accept", "text/event-stream");
        using var response = await upstream.SendAsync(address, request, ct);
        var head = await McpAnswer.ReadAsync(response, request.RequestUri!, id: null, ct);
        if (head.IsChallenge)
        {
            return Attempt.Challenged(path, EmbeddedGateway.Sse, stateless: false);
        }

        if (!head.IsSuccess || !string.Equals(head.ContentType, "text/event-stream", StringComparison.OrdinalIgnoreCase))
        {
            return Attempt.NotHere(path, head);
        }

        using var body = new LimitedStream(await response.Content.ReadAsStreamAsync(ct), McpAnswer.MaxBytes);
        await using var events = SseParser.Create(body).EnumerateAsync(ct).GetAsyncEnumerator(ct);
        return await MessagePathAsync(events, request.RequestUri!) is { } messages
            ? await SpeakAsync(events, messages, ct)
            : Attempt.NotHere(path, "a stream without an endpoint event");
    }

    private async Task<Attempt> SpeakAsync(IAsyncEnumerator<SseItem<string>> events, string messages, CancellationToken ct)
    {
        var answer = await AskAsync(events, messages, McpMessages.Initialize(1), 1, ct);
        if (answer.Result is not { } result || McpMessages.Text(result, "protocolVersion") is not { } version)
        {
            return Attempt.Failed($"It answered initialize on its stream at {path} with {answer.InWords}.");
        }

        await PostAsync(messages, McpMessages.Initialized(), ct);
        var tools = new ToolList();
        string? cursor = null;
        for (var page = 0; McpMessages.Has(result, "capabilities", "tools") && page < StreamableHandshake.MaxPages; page++)
        {
            answer = await AskAsync(events, messages, McpMessages.ListTools(10 + page, cursor, stateless: null), 10 + page, ct);
            if (answer.Result is not { } list || !tools.Add(list))
            {
                return Attempt.Failed($"The handshake at {path} went well, but tools/list was answered with {answer.InWords}.");
            }

            cursor = McpMessages.Text(list, "nextCursor");
            if (cursor is null)
            {
                break;
            }
        }

        return new Attempt(
            new HandshakeWord(HandshakeVerdict.Passed, $"MCP {Words.Plain(version, 32)} over HTTP+SSE at {path}, {tools.Count} tools.")
            {
                ServerName = Words.Plain(McpMessages.Text(result, "serverInfo", "name"), 200),
                ServerVersion = Words.Plain(McpMessages.Text(result, "serverInfo", "version"), 100),
                ProtocolVersion = Words.Plain(version, 32),
                Server = new KnownServer(path, EmbeddedGateway.Sse, Stateless: false),
                Tools = tools,
            },
            IsFinal: true);
    }

    private static async Task<string?> MessagePathAsync(IAsyncEnumerator<SseItem<string>> events, Uri asked)
    {
        while (await events.MoveNextAsync())
        {
            if (events.Current.EventType == "endpoint")
            {
                return Uri.TryCreate(asked, events.Current.Data.Trim(), out var uri) && uri.Scheme is "http" or "https" ? uri.PathAndQuery : null;
            }
        }

        return null;
    }

    private async Task<McpAnswer> AskAsync(IAsyncEnumerator<SseItem<string>> events, string messages, JsonObject message, int id, CancellationToken ct)
    {
        var taken = await PostAsync(messages, message, ct);
        return taken.IsSuccess ? taken.With(await McpAnswer.FindAsync(events, id), id) : taken;
    }

    private async Task<McpAnswer> PostAsync(string messages, JsonObject message, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, UpstreamConnector.UriOf(address, messages));
        request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(message));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await upstream.SendAsync(address, request, ct);
        return await McpAnswer.ReadAsync(response, request.RequestUri!, id: null, ct);
    }
}
