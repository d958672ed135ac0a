using System.Net;
using McpRuntime.Gateways.Embedded;

namespace McpRuntime.Gateways.Stdio;

/// <summary>A bridge as the streamable HTTP server that its clients see, in the era that each of them speaks.</summary>
/// <param name="ready">What the server's handshake told.</param>
internal sealed class BridgeEndpoint(Bridge bridge, ServerFacts ready)
{
    /// <param name="caller">Who is behind the request, as the gateway found out.</param>
    /// <exception cref="BadHttpRequestException">The client's body is not whole, or too large; from the body itself.</exception>
    public async Task<HttpResponseMessage> HandleAsync(HttpRequestMessage request, string caller, CancellationToken ct)
    {
        var version = Header(request, HeaderPolicy.ProtocolVersion);
        var sessions = new SessionRequests(bridge, ready, caller);
        if (request.Method != HttpMethod.Post)
        {
            return version is not null && Protocol.IsStateless(version) ? Reply.NotAllowed("POST")
                : request.Method == HttpMethod.Get ? sessions.Get(request)
                : request.Method == HttpMethod.Delete ? sessions.Delete(request)
                : Reply.NotAllowed("GET", "POST", "DELETE");
        }

        if (request.Content?.Headers.ContentType is not { MediaType: "application/json" })
        {
            return Reply.Error(HttpStatusCode.UnsupportedMediaType, null, Protocol.Gateway, "A message is sent as Content-Type: application/json.");
        }

        var text = await request.Content.ReadAsByteArrayAsync(ct);
        if (text.Length > bridge.Limits.FrameBytes)
        {
            return Reply.Error(HttpStatusCode.RequestEntityTooLarge, null, Protocol.InvalidRequest, $"The message is longer than the {bridge.Limits.FrameBytes} bytes that a server is given.");
        }

        if (JsonRpcMessage.Read(text, out var code, out var why) is not { } message)
        {
            return Reply.Error(HttpStatusCode.BadRequest, null, code, why);
        }

        // Its own word counts even where the header is missing: that is then the mistake to be told of.
        var isStateless = version is not null ? Protocol.IsStateless(version) : message.TextAt("_meta", Protocol.VersionKey) is not null;
        if (!Accepts(request, "application/json") || (message.Kind == MessageKind.Request && !Accepts(request, "text/event-stream")))
        {
            return Reply.Error(HttpStatusCode.NotAcceptable, Id(message), Protocol.Gateway, "The client must accept both application/json and text/event-stream.");
        }

        return isStateless ? await new StatelessRequests(bridge, ready, caller).PostAsync(request, message, ct) : await sessions.PostAsync(request, message, ct);
    }

    public static string? Id(JsonRpcMessage message) => message.Kind == MessageKind.Request ? message.IdText : null;

    /// <summary>A header that is there once; null otherwise.</summary>
    public static string? Header(HttpRequestMessage request, string name) =>
        request.Headers.NonValidated.TryGetValues(name, out var values) && values.Count == 1 ? values.ToString() : null;

    private static bool Accepts(HttpRequestMessage request, string type) =>
        !request.Headers.NonValidated.TryGetValues("Accept", out var values)
        || values.ToString() is var text && (text.Contains(type, StringComparison.OrdinalIgnoreCase) || text.Contains("*/*", StringComparison.Ordinal) || text.Contains(type[..type.IndexOf('/', StringComparison.Ordinal)] + "/*", StringComparison.OrdinalIgnoreCase));
}
