using System.Diagnostics;
using System.Net;
using McpRuntime.Gateways.Embedded.Sessions;
using McpRuntime.Gateways.Embedded.Tools;
using McpRuntime.Gateways.Upstream;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Embedded;

/// <summary>
/// Sends one call of an admitted caller on to its server, and the answer back as it comes. It reads no more of either than it must,
/// executes nothing twice, and ends with whichever side ends first.
/// </summary>
internal sealed partial class Forwarder(
    UpstreamConnector upstream,
    SessionSeal seal,
    SessionBook sessions,
    ToolGate tools,
    GatewayOptions options,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    GatewayMetrics metrics,
    ILogger<Forwarder> logger)
{
    private const string EventStream = "text/event-stream";

    /// <returns>The outcome, as counted.</returns>
    public async Task<string> ForwardAsync(HttpContext context, ForwardedCall call)
    {
        using var watchdog = new Watchdog(options, time, context.RequestAborted);
        RequestBody? body = null;
        try
        {
            body = HttpMethods.IsPost(context.Request.Method) ? await RequestBody.OpenAsync(context, options.MaxBodyBytes, options.AuditArguments, tools.ReadsWhole, watchdog) : null;
            call.Envelope = body?.Envelope ?? default;
            call.IsSilent = body is null;
            Activity.Current?.SetTag("mcp.method", call.Envelope.Method);
            using var request = Request(context, call, body, out var error);
            error ??= await AllowAsync(context, call, request, watchdog.Token);
            if (error is null)
            {
                using var response = await upstream.SendAsync(call.Route.Address, request, watchdog.Token);
                error = await AnswerAsync(context, call, body, response, watchdog);
            }

            return error is null ? "ok" : await RefuseAsync(context, error, call);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or HttpRequestException)
        {
            var error = Blame(e, call, body, watchdog);
            return error is null ? "client_gone" : await RefuseAsync(context, error, call);
        }
    }

    /// <summary>What is decided by the message itself, before a byte of it is sent.</summary>
    private async Task<GatewayError?> AllowAsync(HttpContext context, ForwardedCall call, HttpRequestMessage request, CancellationToken ct)
    {
        if (call.Envelope.IsMalformed)
        {
            return GatewayError.Malformed;
        }

        if (call.Envelope.Twice is { } field)
        {
            return GatewayError.Ambiguous(field);
        }

        return await tools.RefusesAsync(call.Route, call.Envelope, ct)
            ?? await AddSessionAsync(context, call, request, ct)
            ?? (call is { Envelope.Method: "initialize", SessionText: null } ? await sessions.MakeRoomAsync(call, ct) : null);
    }

    private static HttpRequestMessage Request(HttpContext context, ForwardedCall call, RequestBody? body, out GatewayError? error)
    {
        var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), call.Target) { Content = body };
        request.Options.Set(Stdio.ReplicaLink.Caller, call.Subject);
        var badHeader = HeaderPolicy.CopyToServer(context.Request.Headers, request);
        error = badHeader is null ? null : GatewayError.BadHeader(badHeader);
        return request;
    }

    private async Task<GatewayError?> AddSessionAsync(HttpContext context, ForwardedCall call, HttpRequestMessage request, CancellationToken ct)
    {
        var headers = context.Request.Headers;
        if (HeaderPolicy.IsStateless(headers))
        {
            return null;
        }

        foreach (var name in (string[])[HeaderPolicy.SessionId, HeaderPolicy.LastEventId])
        {
            var values = headers[name];
            if (values.Count == 0)
            {
                continue;
            }

            if (values is not [{ } value] || !HeaderPolicy.IsVisibleAscii(value.Replace(' ', '_')))
            {
                return GatewayError.BadHeader(name);
            }

            if (name == HeaderPolicy.SessionId)
            {
                if (await sessions.OpenAsync(call, value, headers[HeaderPolicy.ProtocolVersion], ct) is { } ended)
                {
                    return ended;
                }

                value = call.SessionId!;
            }
            else if (call.IsReopened)
            {
                continue;
            }

            request.Headers.TryAddWithoutValidation(name, value);
        }

        return null;
    }

    private async Task<GatewayError?> AnswerAsync(HttpContext context, ForwardedCall call, RequestBody? body, HttpResponseMessage from, Watchdog watchdog)
    {
        var status = (int)from.StatusCode;
        if (from.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.ProxyAuthenticationRequired)
        {
            // Passed on, it would read as our own challenge, and could send the client to an authorization server of the container's choice.
            return GatewayError.Challenge(call.Route.Name);
        }

        if (status is >= 300 and < 400 and not 304)
        {
            return GatewayError.Redirect(call.Route.Name);
        }

        var response = context.Response;
        if (!await SealSessionAsync(call, from, response, watchdog.Token))
        {
            return GatewayError.BadSessionId(call.Route.Name);
        }

        if (call.SessionText is not null && (status == StatusCodes.Status404NotFound || HttpMethods.IsDelete(context.Request.Method)))
        {
            await sessions.EndAsync(call, watchdog.Token);
        }

        if (IsEvents(from) && from.Content.Headers.NonValidated.Contains("Content-Encoding"))
        {
            // Nobody asked for it, and what can't be read on the way is not passed: see SseRewriter.
            return GatewayError.Broken(call.Route.Name, "its stream of events is encoded, which was not asked for");
        }

        response.StatusCode = status;
        HeaderPolicy.CopyToClient(from, response.Headers);
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await PumpAsync(context, call, body, from, watchdog);

        // A stream that ends without the answer, and has no numbers to come back by, would leave its client waiting for nothing.
        return call is { Events: not null, Answer: { HasAnswered: false, IsResumable: false } } ? GatewayError.Broken(call.Route.Name, "its stream ended without an answer") : null;
    }

    private async Task<bool> SealSessionAsync(ForwardedCall call, HttpResponseMessage from, HttpResponse response, CancellationToken ct)
    {
        if (!from.Headers.NonValidated.TryGetValues(HeaderPolicy.SessionId, out var values))
        {
            return true;
        }

        var id = values.ToString();
        if (!HeaderPolicy.IsVisibleAscii(id))
        {
            return false;
        }

        // Many servers repeat the id in every answer: the client then sees the one it knows, not a new one each time.
        var text = id == call.SessionId ? call.SessionText : seal.Seal(SealPurpose.Session, call.Route, call.Subject, id);
        if (text is null)
        {
            return false;
        }

        if (id != call.SessionId)
        {
            metrics.SessionOpened();
            await sessions.RegisterAsync(call, text, id, ct);
        }

        response.Headers[HeaderPolicy.SessionId] = text;
        return true;
    }

    private async Task PumpAsync(HttpContext context, ForwardedCall call, RequestBody? body, HttpResponseMessage from, Watchdog watchdog)
    {
        var response = context.Response;
        await using var stream = await from.Content.ReadAsStreamAsync(watchdog.Token);
        call.Answer = call.Envelope.MayCallTools ? new CallOutcome() : null;
        if (!IsEvents(from) && tools.Reads(call.Envelope, from))
        {
            await tools.CopyAsync(call.Route, stream, response, call.Answer, watchdog);
            return;
        }

        if (!IsEvents(from))
        {
            response.ContentLength = from.Content.Headers.ContentLength;
            await ResponsePump.CopyAsync(stream, response.BodyWriter, watchdog, call.Answer);
            return;
        }

        // UTF-8 and nothing else, as the standard has it: a client that believed another charset would read other events than we did.
        response.ContentType = EventStream;

        // The head goes at once: a listening client waits for it, and the first event may be hours away.
        await response.BodyWriter.FlushAsync(watchdog.Token);
        call.OnlyListens = body is null || body.Envelope.Method == "subscriptions/listen";
        watchdog.AllowSilence(forever: call.OnlyListens);
        var rewriter = call.Events = new SseRewriter(address => call.MessageAddress(context.Request, seal, options, address), call.Answer, await tools.JudgeAsync(call.Route, watchdog.Token));
        call.Session?.Begin();
        try
        {
            await ResponsePump.CopyEventsAsync(stream, response.BodyWriter, rewriter, options.KeepAlive, time, watchdog, call.OnlyListens ? lifetime.ApplicationStopping : CancellationToken.None);
        }
        finally
        {
            call.Session?.End();
        }
    }

    /// <summary>By the raw text: a header that we can't parse may be good enough for a lenient client.</summary>
    private static bool IsEvents(HttpResponseMessage from) =>
        from.Content.Headers.NonValidated.TryGetValues("Content-Type", out var values) && values.ToString().Contains("event-stream", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whose fault it was; null when there is nobody left to tell.</summary>
    private GatewayError? Blame(Exception e, ForwardedCall call, RequestBody? body, Watchdog watchdog)
    {
        var bad = e as BadHttpRequestException ?? body?.ClientFault as BadHttpRequestException ?? (body?.TooLarge == true ? RequestBody.TooLong(options.MaxBodyBytes) : null);
        if (bad is not null)
        {
            Log.Refused(logger, call.Subject, call.Route.Name, bad.StatusCode, bad.Message);
            return GatewayError.ClientFault(bad);
        }

        if (watchdog.ClientGone || body?.ClientFault is not null)
        {
            return null;
        }

        if (watchdog.Expired)
        {
            return GatewayError.Late(call.Route.Name);
        }

        var trouble = UpstreamTrouble.Of(e, call.Route.Address);
        Log.Failed(logger, call.Route.Name, call.Route.RecordId, trouble.Message);
        return trouble.NothingSent ? GatewayError.Unreachable(call.Route.Name, trouble.Message) : GatewayError.Broken(call.Route.Name, trouble.Message);
    }

    private static async Task<string> RefuseAsync(HttpContext context, GatewayError error, ForwardedCall call)
    {
        if (!context.Response.HasStarted)
        {
            await error.WriteAsync(context, call.Envelope);
        }
        else if (call is { Events.AtBoundary: true, Envelope.Id: not null, Answer: null or { HasAnswered: false } })
        {
            // Between two events an answer can still be given: the client learns why at once, and need not guess from a cut line.
            await error.WriteEventAsync(context, call.Envelope);
        }
        else
        {
            // The client must not take the piece it has for the whole.
            context.Abort();
        }

        return error.Outcome;
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "A message of {Subject} for {Name} was refused with {Status}: {Why}")]
        public static partial void Refused(ILogger logger, string subject, string name, int status, string why);

        [LoggerMessage(Level = LogLevel.Warning, Message = "A call to {Name} ({RecordId}) failed: {Why}")]
        public static partial void Failed(ILogger logger, string name, string recordId, string why);
    }
}
