using System.Diagnostics;
using McpRuntime.Core.Records;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Gateways.Embedded;

/// <summary><c>/mcp/{name}</c>: who may pass, and whereto. Everything before the first byte goes to the server.</summary>
internal sealed class McpEndpoint(ICallerAccessor callers, OriginPolicy origins, RouteAccess routes, SessionSeal seal, Forwarder forwarder, Sightings sightings, TimeProvider time)
{
    public async Task HandleAsync(HttpContext context, string name, bool isMessage)
    {
        using var activity = GatewayMetrics.Source.StartActivity("mcp.forward");
        activity?.SetTag("mcp.server", name);
        var started = time.GetTimestamp();
        sightings.Began();
        var outcome = "failed";
        ForwardedCall? call = null;
        try
        {
            AllowForeignPage(context);
            (call, var error) = await AdmitAsync(context, name, isMessage);
            if (call is null)
            {
                await RefuseAsync(context, error);
                outcome = error.Outcome;
                return;
            }

            activity?.SetTag("mcpruntime.record", call.Route.RecordId);
            outcome = await forwarder.ForwardAsync(context, call);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            outcome = "client_gone";
        }
        finally
        {
            activity?.SetTag("outcome", outcome);
            sightings.Ended(context, call, outcome, time.GetElapsedTime(started));
        }
    }

    /// <summary>A browser asks first whether it may; it shows no credentials with that.</summary>
    public void Preflight(HttpContext context)
    {
        AllowForeignPage(context);
        if (origins.Foreign(context.Request) is null)
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return;
        }

        var headers = context.Response.Headers;
        headers.AccessControlAllowMethods = "GET, POST, DELETE";
        headers.AccessControlAllowHeaders = context.Request.Headers.AccessControlRequestHeaders;
        headers.AccessControlMaxAge = "600";
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private async Task<(ForwardedCall? Call, GatewayError Error)> AdmitAsync(HttpContext context, string name, bool isMessage)
    {
        var request = context.Request;
        if (!origins.Allows(request))
        {
            return (null, GatewayError.ForeignOrigin);
        }

        if (callers.Of(context) is not { } caller)
        {
            return (null, GatewayError.Unauthenticated);
        }

        if (!caller.Has(Roles.Caller))
        {
            return (null, GatewayError.NotACaller);
        }

        GatewayRoute? route;
        try
        {
            route = await routes.FindAsync(name, caller, context.RequestAborted);
        }
        catch (Refusal away) when (away.Kind == RefusalKind.Unavailable)
        {
            return (null, GatewayError.RoutesAway);
        }

        if (route is null)
        {
            return (null, GatewayError.NoRoute(name));
        }

        return isMessage ? ToMessages(route, caller, request) : ToServer(route, caller, request);
    }

    private (ForwardedCall? Call, GatewayError Error) ToMessages(GatewayRoute route, Caller caller, HttpRequest request)
    {
        var path = request.Query[ForwardedCall.MessageParameter] is [{ } text] ? seal.Open(SealPurpose.MessagePath, route, caller.Subject, text) : null;
        return path is null ? (null, GatewayError.SessionEnded) : To(route, caller, path);
    }

    private static (ForwardedCall? Call, GatewayError Error) ToServer(GatewayRoute route, Caller caller, HttpRequest request) =>
        route.Transport == EmbeddedGateway.Sse && !HttpMethods.IsGet(request.Method)
            ? (null, GatewayError.MessagesElsewhere)
            : To(route, caller, route.Path + request.QueryString.Value);

    private static (ForwardedCall? Call, GatewayError Error) To(GatewayRoute route, Caller caller, string pathAndQuery) =>
        ForwardedCall.TargetOf(route, pathAndQuery) is { } target ? (new ForwardedCall(route, caller.Subject, target), GatewayError.BadAddress) : (null, GatewayError.BadAddress);

    private void AllowForeignPage(HttpContext context)
    {
        if (origins.Foreign(context.Request) is { } origin)
        {
            context.Response.OnStarting(() =>
            {
                var headers = context.Response.Headers;
                headers.AccessControlAllowOrigin = origin;
                headers.AccessControlExposeHeaders = "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After";
                headers.Append("Vary", "Origin");
                return Task.CompletedTask;
            });
        }
    }

    /// <summary>The message is read only as far as it takes to answer it by its id.</summary>
    private static async Task RefuseAsync(HttpContext context, GatewayError error)
    {
        var envelope = default(JsonRpcEnvelope);
        if (HttpMethods.IsPost(context.Request.Method) && error.Status != StatusCodes.Status401Unauthorized)
        {
            var read = await context.Request.BodyReader.ReadAsync(context.RequestAborted);
            envelope = JsonRpcEnvelope.Peek(read.Buffer, read.IsCompleted);
            context.Request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }

        await error.WriteAsync(context, envelope);
    }
}
