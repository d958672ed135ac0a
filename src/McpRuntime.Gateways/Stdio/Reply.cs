using System.Net;
using System.Net.Http.Headers;

namespace McpRuntime.Gateways.Stdio;

/// <summary>The bridge's answers, as a streamable HTTP server gives them.</summary>
internal static class Reply
{
    /// <summary>A server that answers sooner is passed on as one JSON message, one that works longer, or says something first, as a stream of events.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    public static HttpResponseMessage Json(byte[] message, HttpStatusCode status = HttpStatusCode.OK)
    {
        var content = new ByteArrayContent(message);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return new HttpResponseMessage(status) { Content = content };
    }

    /// <param name="id">As JSON; null where there is none.</param>
    public static HttpResponseMessage Error(HttpStatusCode status, string? id, int code, string message, Action<System.Text.Json.Utf8JsonWriter>? data = null)
    {
        var reply = Json(Frames.Error(id, code, message, data), status);
        if (status == HttpStatusCode.ServiceUnavailable)
        {
            reply.Headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(1));
        }

        return reply;
    }

    public static HttpResponseMessage Empty(HttpStatusCode status) => new(status) { Content = new ByteArrayContent([]) };

    public static HttpResponseMessage NotAllowed(params string[] allowed)
    {
        var reply = Empty(HttpStatusCode.MethodNotAllowed);
        foreach (var method in allowed)
        {
            reply.Content.Headers.Allow.Add(method);
        }

        return reply;
    }

    /// <param name="closed">Told when the client's end is closed, before the end or after.</param>
    public static HttpResponseMessage Events(Outbox outbox, long after, bool numbered, Action closed)
    {
        var content = new StreamContent(new EventStream(outbox, after, numbered, closed));
        content.Headers.ContentType = new MediaTypeHeaderValue("text/event-stream");
        content.Headers.TryAddWithoutValidation("Cache-Control", "no-cache");
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = content };
    }

    /// <param name="ct">Its client's end.</param>
    public static async Task<HttpResponseMessage> OfAsync(Call call, bool numbered, TimeProvider time, Action closed, CancellationToken ct)
    {
        try
        {
            using var soon = new CancellationTokenSource(Soon, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(soon.Token, ct);
            var (message, isOnly) = await call.Outbox.FirstAsync(either.Token);
            if (isOnly)
            {
                return message is null ? Empty(HttpStatusCode.Accepted) : Error503(call, Json(message, call.Outbox.Status));
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // It takes longer: the client is told by a stream that it is worked on.
            return Events(call.Outbox, after: 0, numbered, closed);
        }
        catch (OperationCanceledException)
        {
            closed();
            throw;
        }

        return Events(call.Outbox, after: 0, numbered, closed);
    }

    private static HttpResponseMessage Error503(Call call, HttpResponseMessage reply)
    {
        if (call.Outbox.Status == HttpStatusCode.ServiceUnavailable)
        {
            reply.Headers.RetryAfter = new RetryConditionHeaderValue(TimeSpan.FromSeconds(1));
        }

        return reply;
    }
}
