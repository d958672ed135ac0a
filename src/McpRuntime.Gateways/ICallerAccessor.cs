using McpRuntime.Core.Records;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Gateways;

/// <summary>Who is behind a request, as the access middleware found out; null when it was not authenticated.</summary>
public interface ICallerAccessor
{
    Caller? Of(HttpContext context);
}
