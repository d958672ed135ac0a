namespace McpRuntime.Core.Planning;

/// <summary>Plain words on what is seen.</summary>
internal static class Words
{
    public static string Of(SeenResource seen)
    {
        var progress = seen.Progress is { } done ? $" ({done:P0})" : "";
        var exit = seen.ExitCode is { } code ? $" (exit code {code})" : "";
        return $"{seen.Kind} {seen.Id} is {seen.Health}{progress}{exit}{(string.IsNullOrEmpty(seen.Message) ? "." : ": " + seen.Message)}";
    }

    public static string OfHandshake(World world, SeenResource container) => world.HandshakeOf(container) switch
    {
        { Verdict: HandshakeVerdict.Failed } word => $"{container.Id} runs, but {word.Failures} MCP handshakes in a row failed: {word.Message}",
        { Verdict: HandshakeVerdict.Challenged } => $"{container.Id} is reachable and asks for authorization of its own.",
        { Verdict: HandshakeVerdict.Passed } word => $"{container.Id} answered the MCP handshake as {word.ServerName} {word.ServerVersion}.",
        _ when world.OncePassed(container) => $"{container.Id} answered the MCP handshake before; the next probe is on its way.",
        _ => $"{container.Id} has not been through an MCP handshake yet.",
    };
}
