using McpRuntime.Backends;
using McpRuntime.Core.Records;
using McpRuntime.Server.Access;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>The outermost layer: whatever happens inside, the client gets problem details, and never an exception's text.</summary>
internal sealed partial class ProblemMiddleware(RequestDelegate next, ILogger<ProblemMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext http)
    {
        Problem problem;
        try
        {
            await next(http);
            if (http.Response.StatusCode < 400 || http.Response.HasStarted || http.Response.ContentLength > 0 || http.Response.ContentType is not null || IsForwarded(http))
            {
                return;
            }

            problem = Problems.Of(http.Response.StatusCode, http);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client is gone: there is nobody to answer.
            return;
        }
        catch (Refusal refusal)
        {
            problem = Problems.Of(refusal);
        }
        catch (BackendFault fault)
        {
            problem = Problems.Of(Problems.Of(fault.Fault, "The request failed"));
        }
        catch (BadHttpRequestException malformed)
        {
            problem = Problems.Of(malformed.StatusCode, http, malformed.Message);
        }
        catch (Exception fault)
        {
            // The last edge: what was not foreseen is logged whole, and the client learns only where to look it up.
            Log.Unhandled(logger, http.Request.Method, http.GetEndpoint()?.DisplayName ?? "no route", Problems.TraceId(http), fault);
            problem = Problems.Of(StatusCodes.Status500InternalServerError, http);
        }

        if (http.Response.HasStarted)
        {
            // Half an answer is out: cutting the connection is the only way left to say that it is not whole.
            http.Abort();
            return;
        }

        var allow = http.Response.Headers.Allow;
        var challenge = http.Response.Headers.WWWAuthenticate;
        http.Response.Clear();
        http.Response.Headers.Allow = allow;
        http.Response.Headers.WWWAuthenticate = challenge;
        await Problems.WriteAsync(http, problem);
    }

    /// <summary>What an MCP server behind the gateway answers is its own: an empty 405 stays empty.</summary>
    private static bool IsForwarded(HttpContext http) =>
        http.GetEndpoint() is RouteEndpoint && !HttpMethods.IsOptions(http.Request.Method) && AccessMiddleware.IsGateway(http);

    private static partial class Log
    {
        [LoggerMessage(EventId = 1, Level = LogLevel.Error, Message = "Unhandled fault in {Method} {Route}, trace {TraceId}")]
        public static partial void Unhandled(ILogger logger, string method, string route, string traceId, Exception fault);
    }
}
