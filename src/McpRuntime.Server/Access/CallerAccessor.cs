using McpRuntime.Core.Records;
using McpRuntime.Gateways;

namespace McpRuntime.Server.Access;

internal sealed class CallerAccessor : ICallerAccessor
{
    public Caller? Of(HttpContext context) => context.Features.Get<Identified>()?.Caller;
}

internal static class CallerOfRequest
{
    /// <summary>Behind <see cref="AccessMiddleware"/> there is always one, but on anonymous routes.</summary>
    public static Caller Caller(this HttpContext http) =>
        http.Features.Get<Identified>()?.Caller ?? throw new InvalidOperationException("This route was reached without the access middleware.");
}
