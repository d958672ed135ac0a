namespace McpRuntime.Core.Specs;

/// <summary>The documented words for how a server speaks.</summary>
public static class TransportWord
{
    public static string Of(GatewayTransport transport) => transport switch
    {
        GatewayTransport.Sse => "SSE",
        GatewayTransport.StreamableHttp => "STREAMABLEHTTP",
        GatewayTransport.Stdio => "STDIO",
    };

    /// <summary>In any case.</summary>
    public static bool TryParse(string? word, out GatewayTransport transport)
    {
        foreach (var candidate in Enum.GetValues<GatewayTransport>())
        {
            if (string.Equals(word, Of(candidate), StringComparison.OrdinalIgnoreCase))
            {
                transport = candidate;
                return true;
            }
        }

        transport = default;
        return false;
    }
}
