using McpRuntime.Gateways.Embedded.Sessions;
using McpRuntime.Gateways.Embedded.Tools;
using McpRuntime.Gateways.Upstream;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Gateways.Embedded;

/// <summary>One admitted call: who, to which server, to which of its addresses.</summary>
/// <param name="Target">Always at the route's own address.</param>
internal sealed record ForwardedCall(GatewayRoute Route, string Subject, Uri Target)
{
    public const string MessageParameter = "to";

    /// <summary>The session id as the client sent it, and what it stands for; null without one.</summary>
    public string? SessionText { get; set; }

    public string? SessionId { get; set; }

    /// <summary>What the client says; empty for GET and DELETE.</summary>
    public JsonRpcEnvelope Envelope { get; set; }

    /// <summary>The client says nothing with it: it listens, or ends its session.</summary>
    public bool IsSilent { get; set; }

    /// <summary>What the book knows of the session; null without one, or where it could not be looked up.</summary>
    public OpenSession? Session { get; set; }

    /// <summary>The session lives on another container than the one it was opened on, which knows none of its events.</summary>
    public bool IsReopened { get; set; }

    /// <summary>The stream that is being passed on; null before it, and where the answer is none.</summary>
    public SseRewriter? Events { get; set; }

    /// <summary>How the server answered a tool call; null for everything else.</summary>
    public CallOutcome? Answer { get; set; }

    /// <summary>A stream that carries no answer, and so may be ended at any time.</summary>
    public bool OnlyListens { get; set; }

    /// <summary>
    /// The address that the client is given in place of the server's own. Only path and query of the server's count: many believe
    /// themselves at localhost, and none may send us elsewhere.
    /// </summary>
    public string? MessageAddress(HttpRequest request, SessionSeal seal, GatewayOptions options, string address)
    {
        if (!Uri.TryCreate(Target, address, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            return null;
        }

        var sealedPath = seal.Seal(SealPurpose.MessagePath, Route, Subject, uri.PathAndQuery);
        return sealedPath is null ? null : $"{Prefix(request, options)}/mcp/{Uri.EscapeDataString(Route.Name)}/message?{MessageParameter}={sealedPath}";
    }

    /// <summary>The path below which we are published, if any: what clients see, which a proxy before us may have cut off.</summary>
    private static string Prefix(HttpRequest request, GatewayOptions options) => request.PathBase.HasValue
        ? request.PathBase.ToUriComponent()
        : options.PublicUrl is { } url && string.Equals(url.Host, request.Host.Host, StringComparison.OrdinalIgnoreCase) ? url.AbsolutePath.TrimEnd('/') : "";

    public static Uri? TargetOf(GatewayRoute route, string pathAndQuery)
    {
        try
        {
            return UpstreamConnector.UriOf(route.Address, pathAndQuery);
        }
        catch (UriFormatException)
        {
            return null;
        }
    }
}
