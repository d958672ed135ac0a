namespace McpRuntime.Gateways.Embedded.Sessions;

/// <summary>What may be asked without leaving anything behind at the server that a new session would lack.</summary>
internal static class SessionMethods
{
    private static readonly HashSet<string> OnlyRead = new(StringComparer.Ordinal)
    {
        "initialize", "notifications/initialized", "notifications/cancelled", "ping", "tools/list", "resources/list", "resources/templates/list", "resources/read", "prompts/list", "prompts/get", "completion/complete",
    };

    /// <summary>Anything unknown acts: a subscription, a log level, a task and an answer to the server are all state of the session.</summary>
    public static bool Acts(JsonRpcEnvelope envelope) => envelope.IsBatch || envelope.Method is not { } method || !OnlyRead.Contains(method);
}
