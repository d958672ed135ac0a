namespace McpRuntime.Server.Settings;

/// <summary>The service does not start: each line names a variable and what it may hold.</summary>
internal sealed class InvalidSettings(IReadOnlyList<string> errors) : Exception(string.Join(Environment.NewLine, errors))
{
    public IReadOnlyList<string> Errors { get; } = errors;
}
