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

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 1000 };

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

    /// <summary>Whether this answer must be read before it is passed on. Clients go by the id in a message, not by what it came as an answer to.</summary>
    public bool Reads(JsonRpcEnvelope envelope, HttpResponseMessage from) =>
        IsOn && ((envelope.IsMessage && (envelope.Method is "tools/list" || envelope.IsBatch))
            || (from.Content.Headers.NonValidated.TryGetValues("Content-Type", out var type) && type.ToString().Contains("json", StringComparison.OrdinalIgnoreCase)));

    /// <summary>Passes an answer on without the tools that were not accepted.</summary>
    /// <exception cref="IOException">It can't be read: what is not understood is not passed.</exception>
    public async Task CopyAsync(GatewayRoute route, Stream from, HttpResponse to, CallOutcome? outcome, Watchdog watchdog)
    {
        var pin = await PinAsync(route, watchdog.Token);
        using var limited = new LimitedStream(from, MaxList);
        var text = new MemoryStream();
        var piece = new byte[16 * 1024];
        while (await limited.ReadAsync(piece, watchdog.Token) is var read and > 0)
        {
            text.Write(piece, 0, read);
            watchdog.Touch();
        }

        var kept = text.Length == 0 ? [] : Encoding.UTF8.GetBytes(Kept(route, pin, Encoding.UTF8.GetString(text.GetBuffer(), 0, (int)text.Length)));
        outcome?.See(kept);
        outcome?.Complete();
        to.ContentLength = kept.Length;
        await to.BodyWriter.WriteAsync(kept, watchdog.Token);
    }

    /// <summary>What is done with the data of each event of a stream, whatever it answers; null: it passes as it is.</summary>
    public async ValueTask<Func<string, string>?> JudgeAsync(GatewayRoute route, CancellationToken ct)
    {
        if (!IsOn)
        {
            return null;
        }

        var pin = await PinAsync(route, ct);

        // Other text is a sign of life, or an address; a message it can't be.
        return data => data.AsSpan().TrimStart(" \t\r\n\ufeff") is ['{' or '[', ..] ? Kept(route, pin, data) : data;
    }

    private string Kept(GatewayRoute route, ToolPin? pin, string text)
    {
        try
        {
            // Some clients overlook case, and take the last of two: what is ambiguous is not understood.
            var message = JsonNode.Parse(text, new JsonNodeOptions { PropertyNameCaseInsensitive = true }, Strict);
            var withheld = 0;
            foreach (var one in message is JsonArray batch ? [.. batch] : (JsonNode?[])[message])
            {
                withheld += Filter(route, pin, one);
            }

            return withheld == 0 ? text : message!.ToJsonString();
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new IOException("what it says is not JSON that can be read in one way only (RUNTIME_TOOLS_PIN=quarantine)", e);
        }
    }

    private int Filter(GatewayRoute route, ToolPin? pin, JsonNode? message)
    {
        if ((message as JsonObject)?["result"] is not JsonObject result || result["tools"] is not JsonArray tools)
        {
            return 0;
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

        return withheld.Count;
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
