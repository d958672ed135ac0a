using System.Net;
using System.Text;
using System.Text.Json;
using McpRuntime.Gateways.Embedded;

namespace McpRuntime.Gateways.Stdio;

/// <summary>Requests of one caller in the era without sessions (2026-07-28): each stands for itself, and ends with its stream.</summary>
internal sealed class StatelessRequests(Bridge bridge, ServerFacts server, string caller)
{
    public async Task<HttpResponseMessage> PostAsync(HttpRequestMessage request, JsonRpcMessage message, CancellationToken ct)
    {
        var id = BridgeEndpoint.Id(message);
        if (message.Kind == MessageKind.Response)
        {
            return Reply.Error(HttpStatusCode.BadRequest, null, Protocol.InvalidRequest, "Clients of this version send no responses.");
        }

        if (message.Kind == MessageKind.Request && Wrong(request, message) is { } wrong)
        {
            return wrong;
        }

        if (message.Kind == MessageKind.Notification)
        {
            return Reply.Empty(HttpStatusCode.Accepted);
        }

        switch (message.Method)
        {
            case "server/discover" when !server.IsStateless:
                return Reply.Json(Translation.DiscoverResult(id!, server));
            case "subscriptions/listen" when !server.IsStateless:
                return await ListenAsync(message, ct);
            case "initialize" or "ping" or "logging/setLevel" or "resources/subscribe" or "resources/unsubscribe":
                return Reply.Error(HttpStatusCode.NotFound, id, Protocol.MethodNotFound, $"{message.Method} is not a method of {Protocol.Stateless}.");
        }

        return await CallAsync(message, ct);
    }

    private async Task<HttpResponseMessage> CallAsync(JsonRpcMessage message, CancellationToken ct)
    {
        Call? call = null;
        call = new Call(new object(), caller, message, new Outbox("0", bridge.Limits))
        {
            StartedAt = bridge.Time.GetTimestamp(),
            Frame = id => Translation.Request(id, message, server, session: null, call!.ProgressToken is not null),
            Translate = answer => Translation.Answer(answer, call!, server),
        };
        bridge.Calls.Begin(call);
        return await Reply.OfAsync(call, numbered: false, bridge.Time, () => Closed(call), ct);
    }

    /// <summary>Who closes the stream has cancelled the call.</summary>
    private void Closed(Call call)
    {
        if (!call.Outbox.IsDone)
        {
            bridge.Cancel(call, "The client closed its stream.");
        }
    }

    private async Task<HttpResponseMessage> ListenAsync(JsonRpcMessage message, CancellationToken ct)
    {
        var listener = Listener.Of(caller, message, new Outbox("0", bridge.Limits));
        if (!bridge.Listeners.TryAdd(listener, bridge.Limits.Listeners))
        {
            return Reply.Error(HttpStatusCode.ServiceUnavailable, message.IdText, Protocol.Gateway, "Of the streams that may listen to the server, this caller has its share. End one, or try again later.");
        }

        try
        {
            foreach (var uri in listener.Uris)
            {
                await bridge.Subscriptions.SubscribeAsync(uri, ct);
            }
        }
        catch (Exception e) when (e is BridgeException or OperationCanceledException)
        {
            bridge.Listeners.Remove(listener);
            ct.ThrowIfCancellationRequested();
            return Reply.Error(HttpStatusCode.ServiceUnavailable, message.IdText, Protocol.Gateway, e.Message);
        }

        listener.Acknowledge();
        return Reply.Events(listener.Outbox, after: 0, numbered: false, () =>
        {
            if (bridge.Listeners.Remove(listener))
            {
                foreach (var uri in listener.Uris)
                {
                    bridge.Subscriptions.Dropped(uri);
                }
            }
        });
    }

    /// <summary>The headers repeat what the body says, so that what stands between can rely on them: they must agree.</summary>
    private static HttpResponseMessage? Wrong(HttpRequestMessage request, JsonRpcMessage message)
    {
        var version = BridgeEndpoint.Header(request, HeaderPolicy.ProtocolVersion);
        var own = message.TextAt("_meta", Protocol.VersionKey);
        if (version is null || version != own)
        {
            return Mismatch(message, HeaderPolicy.ProtocolVersion, $"params._meta.{Protocol.VersionKey}", own);
        }

        if (version != Protocol.Stateless)
        {
            return Reply.Error(HttpStatusCode.BadRequest, message.IdText, Protocol.UnsupportedVersion, $"The protocol version {version[..Math.Min(version.Length, 40)]} is not supported.", to =>
            {
                to.WriteStartObject();
                to.WriteStartArray("supported"u8);
                to.WriteStringValue(Protocol.Stateless);
                to.WriteEndArray();
                to.WriteString("requested"u8, version);
                to.WriteEndObject();
            });
        }

        if (Decoded(BridgeEndpoint.Header(request, "Mcp-Method")) != message.Method)
        {
            return Mismatch(message, "Mcp-Method", "method", message.Method);
        }

        var named = message.Method switch
        {
            "tools/call" or "prompts/get" => "name",
            "resources/read" => "uri",
            _ => null,
        };
        if (named is not null && Decoded(BridgeEndpoint.Header(request, "Mcp-Name")) is var name && (name is null || name != message.TextAt(named)))
        {
            return Mismatch(message, "Mcp-Name", $"params.{named}", message.TextAt(named));
        }

        return message.At("_meta", Protocol.CapabilitiesKey) is { ValueKind: JsonValueKind.Object }
            ? null
            : Reply.Error(HttpStatusCode.BadRequest, message.IdText, Protocol.InvalidParams, $"params._meta lacks {Protocol.CapabilitiesKey}.");
    }

    private static HttpResponseMessage Mismatch(JsonRpcMessage message, string header, string field, string? value) => Reply.Error(
        HttpStatusCode.BadRequest,
        message.IdText,
        Protocol.HeaderMismatch,
        value is null ? $"{field} is missing, which the header {header} must repeat." : $"The header {header} is missing, or is not what {field} says.");

    /// <summary>Text that does not fit into a header travels as <c>=?base64?…?=</c>.</summary>
    private static string? Decoded(string? value)
    {
        const string Prefix = "=?base64?";
        if (value is null || !value.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) || !value.EndsWith("?=", StringComparison.Ordinal) || value.Length < Prefix.Length + 2)
        {
            return value;
        }

        var bytes = new byte[value.Length];
        return Convert.TryFromBase64Chars(value.AsSpan(Prefix.Length, value.Length - Prefix.Length - 2), bytes, out var length) ? Encoding.UTF8.GetString(bytes, 0, length) : null;
    }
}
