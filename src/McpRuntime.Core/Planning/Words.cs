namespace McpRuntime.Core.Planning;

/// <summary>Plain words on what is seen.</summary>
internal static class Words
{
    /// <summary>The id, with the service it is of a runtime that has several.</summary>
    public static string Name(string id, string? service) => service is null ? id : $"{id} (service \"{service}\")";

    public static string Of(SeenResource seen)
    {
        var progress = seen.Progress is { } done ? $" ({done:P0})" : "";
        var exit = seen.ExitCode is { } code ? $" (exit code {code})" : "";
        return $"{seen.Kind} {Name(seen.Id, seen.Service)} is {seen.Health}{progress}{exit}{(string.IsNullOrEmpty(seen.Message) ? "." : ": " + seen.Message)}";
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
