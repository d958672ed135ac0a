namespace McpRuntime.Gateways;

/// <summary>Who called which tool, and how it went.</summary>
public interface IToolCallAudit
{
    /// <summary>Never waits and never fails: a call is not held up by its own audit. What can't be kept is counted.</summary>
    void Record(ToolCall call);
}

/// <param name="Tool">As the client named it; <c>(batch)</c> for a list of messages.</param>
/// <param name="Outcome"><c>ok</c>, <c>tool_error</c>, <c>rpc_error</c>, <c>http_NNN</c>, or the gateway's own word for why there was no answer.</param>
/// <param name="Arguments">JSON as sent; null unless it is asked for by the settings.</param>
public sealed record ToolCall(
    DateTimeOffset At,
    string RuntimeId,
    string Subject,
    string? Address,
    string Tool,
    string Outcome,
    TimeSpan Duration,
    string? Arguments);
