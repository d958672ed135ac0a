using Microsoft.AspNetCore.Http;

namespace McpRuntime.Gateways.Embedded;

/// <summary>What is told of each request when it is over: the metrics of all, the audit of tool calls, the prober of what came to nothing.</summary>
internal sealed class Sightings(GatewayMetrics metrics, IToolCallAudit audit, IProber prober, TimeProvider time)
{
    public void Began() => metrics.Opened();

    /// <param name="call">Null: it was not admitted.</param>
    /// <param name="outcome">The gateway's word.</param>
    public void Ended(HttpContext context, ForwardedCall? call, string outcome, TimeSpan took)
    {
        metrics.Closed(context.Request.Method, outcome, call?.OnlyListens == true ? null : took);
        if (call is not null && (outcome is "unreachable" or "broken" or "timeout" || context.Response.StatusCode >= StatusCodes.Status500InternalServerError))
        {
            prober.Doubt(call.Route.RecordId);
        }

        if (call is not { Envelope: { MayCallTools: true } envelope })
        {
            return;
        }

        var status = context.Response.StatusCode;
        var word = outcome != "ok" ? outcome : status >= 400 ? $"http_{status.ToString(System.Globalization.CultureInfo.InvariantCulture)}" : call.Answer?.Word ?? outcome;
        audit.Record(new ToolCall(
            time.GetUtcNow() - took,
            call.Route.RecordId,
            call.Subject,
            context.Connection.RemoteIpAddress?.ToString(),
            envelope.Tool ?? (envelope.IsBatch ? "(batch)" : "(unreadable)"),
            word,
            took,
            envelope.Arguments));
    }
}
