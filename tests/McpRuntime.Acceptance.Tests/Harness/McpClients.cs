using System.Text.Json.Nodes;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>Real clients: the inspector on the command line, and the C# SDK.</summary>
internal static class McpClients
{
    public static async Task<IReadOnlyList<string>> InspectorToolsAsync(Uri endpoint, string? token)
    {
        List<string> arguments = [Places.Inspector, "--cli", endpoint.ToString(), "--transport", "http", "--method", "tools/list"];
        if (token is not null)
        {
            arguments.AddRange(["--header", $"Authorization: Bearer {token}"]);
        }

        var ran = await Run.Async(Places.Node, arguments);
        return [.. JsonNode.Parse(ran.Expect("inspector --cli"))!["tools"]!.AsArray().Select(tool => tool!["name"]!.GetValue<string>())];
    }

    /// <summary>The TypeScript SDK's clients: what each era's lists, calls and negotiates.</summary>
    public static async Task<JsonNode> ErasAsync(Uri endpoint, string token)
    {
        var script = Path.Combine(Places.Checkout, "tests", "McpRuntime.Acceptance.Tests", "Harness", "eras.mjs");
        return JsonNode.Parse((await Run.Async(Places.Node, [script, Places.NodeModules, endpoint.ToString(), token])).Expect("eras.mjs"))!;
    }

    public static async Task<McpClient> ConnectAsync(Uri endpoint, string? token)
    {
        var transport = new HttpClientTransport(new HttpClientTransportOptions
        {
            Endpoint = endpoint,
            TransportMode = HttpTransportMode.StreamableHttp,
            AdditionalHeaders = token is null ? null : new Dictionary<string, string>(StringComparer.Ordinal) { ["Authorization"] = $"Bearer {token}" },
        });
        return await McpClient.CreateAsync(transport);
    }

    /// <summary>A tool's text, from a fresh connection: what the next client would see.</summary>
    public static async Task<string> CallAsync(Uri endpoint, string? token, string tool, params (string Name, object? Value)[] arguments)
    {
        await using var client = await ConnectAsync(endpoint, token);
        return await CallAsync(client, tool, arguments);
    }

    public static async Task<string> CallAsync(McpClient client, string tool, params (string Name, object? Value)[] arguments)
    {
        var result = await client.CallToolAsync(tool, arguments.ToDictionary(item => item.Name, item => item.Value, StringComparer.Ordinal));
        return string.Join('\n', result.Content.OfType<TextContentBlock>().Select(block => block.Text));
    }
}
