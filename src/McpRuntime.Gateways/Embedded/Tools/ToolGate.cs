using System.Buffers;
using System.IO.Pipelines;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways.Embedded.Probing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Embedded.Tools;

/// <summary>
/// Holds a server to the tools that were accepted of it, under RUNTIME_TOOLS_PIN=quarantine. While it offers others, no tool is called;
/// and whatever it tells a client (it may tell the prober something else), only accepted definitions get through to a model.
/// </summary>
internal sealed partial class ToolGate(IToolPins pins, GatewayOptions options, GatewayMetrics metrics, ILogger<ToolGate> logger)
{
    private const int MaxList = McpAnswer.MaxBytes;

    /// <summary>Whether a message is read to its end before it is sent on: what it calls may stand there.</summary>
    public bool ReadsWhole => IsOn;

    private bool IsOn => options.ToolsPin is ToolsPin.Quarantine;

    /// <returns>Why the message may not be sent on; null when it may.</returns>
    public async ValueTask<GatewayError?> RefusesAsync(GatewayRoute route, JsonRpcEnvelope envelope, CancellationToken ct)
    {
        if (!IsOn || !envelope.MayCallTools)
        {
            return null;
        }

        var pin = await PinAsync(route, ct);
        return pin is null ? GatewayError.ToolsUnknown(route.Name)
            : pin.HasDrifted ? GatewayError.ToolsChanged(route.Name)
            : envelope.Tool is { } tool && !pin.Tools.ContainsKey(tool) ? GatewayError.ToolUnknown(route.Name, tool)
            : envelope.Tool is null ? GatewayError.Unreadable
            : null;
    }

    /// <summary>Whether this answer must be read before it is passed on.</summary>
    public bool Reads(JsonRpcEnvelope envelope) => IsOn && envelope.IsMessage && (envelope.Method is "tools/list" || envelope.IsBatch);

    /// <summary>Passes a list of tools on without those that were not accepted.</summary>
    /// <exception cref="IOException">It can't be read: what is not understood is not passed.</exception>
    public async Task CopyAsync(GatewayRoute route, Stream from, bool isEvents, HttpResponse to, CancellationToken ct)
    {
        var pin = await PinAsync(route, ct);
        using var limited = new LimitedStream(from, MaxList);
        if (isEvents)
        {
            await CopyEventsAsync(route, pin, limited, to.BodyWriter, ct);
            return;
        }

        var text = new MemoryStream();
        await limited.CopyToAsync(text, ct);
        var kept = text.Length == 0 ? [] : Kept(route, pin, Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length));
        to.ContentLength = kept.Length;
        await to.BodyWriter.WriteAsync(kept, ct);
    }

    private async Task CopyEventsAsync(GatewayRoute route, ToolPin? pin, Stream from, PipeWriter to, CancellationToken ct)
    {
        await foreach (var item in SseParser.Create(from).EnumerateAsync(ct))
        {
            var data = item.EventType == SseParser.EventTypeDefault && item.Data.Length > 0 ? Encoding.UTF8.GetString(Kept(route, pin, item.Data)) : item.Data;
            var head = item.EventId is { } id ? $"id: {id}\n" : "";
            head += item.EventType == SseParser.EventTypeDefault ? "" : $"event: {item.EventType}\n";
            head += item.ReconnectionInterval is { } retry ? $"retry: {retry.TotalMilliseconds:0}\n" : "";
            to.Write(Encoding.UTF8.GetBytes($"{head}data: {data.ReplaceLineEndings("\ndata: ")}\n\n"));
            await to.FlushAsync(ct);
        }
    }

    private byte[] Kept(GatewayRoute route, ToolPin? pin, string text)
    {
        JsonNode? message;
        try
        {
            message = JsonNode.Parse(text);
        }
        catch (JsonException e)
        {
            throw new IOException("its answer to tools/list is not JSON", e);
        }

        foreach (var one in message is JsonArray batch ? [.. batch] : (JsonNode?[])[message])
        {
            Filter(route, pin, one);
        }

        return Encoding.UTF8.GetBytes(message?.ToJsonString() ?? "null");
    }

    private void Filter(GatewayRoute route, ToolPin? pin, JsonNode? message)
    {
        if ((message as JsonObject)?["result"] is not JsonObject result || result["tools"] is not JsonArray tools)
        {
            return;
        }

        var withheld = tools.Where(tool => !IsAccepted(pin, tool)).ToList();
        foreach (var tool in withheld)
        {
            tools.Remove(tool);
        }

        if (withheld.Count > 0)
        {
            metrics.ToolsWithheld(withheld.Count);
            Log.Withheld(logger, route.Name, route.RecordId, withheld.Count, Words.Plain(string.Join(", ", withheld.Select(NameOf)), 500));
        }
    }

    private static bool IsAccepted(ToolPin? pin, JsonNode? tool) =>
        pin is not null
        && ToolList.DefinitionOf(JsonSerializer.SerializeToElement(tool)) is { } definition
        && pin.Tools.TryGetValue(definition.Name, out var hash)
        && hash == definition.Hash;

    private static string? NameOf(JsonNode? tool) => (tool as JsonObject)?["name"] is JsonValue name && name.TryGetValue<string>(out var text) ? text : "(no name)";

    /// <summary>While the database is away nothing is known of the tools, and so nothing passes: that is what quarantine was chosen for.</summary>
    private async ValueTask<ToolPin?> PinAsync(GatewayRoute route, CancellationToken ct)
    {
        try
        {
            return await pins.FindAsync(route.RecordId, ct);
        }
        catch (Refusal away) when (away.Kind == RefusalKind.Unavailable)
        {
            return null;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "{Name} ({RecordId}) offers {Count} tools that were not accepted of it; clients do not see them: {Tools}")]
        public static partial void Withheld(ILogger logger, string name, string recordId, int count, string? tools);
    }
}
