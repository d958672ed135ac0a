using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Records;

/// <summary>Takes secrets out of a call's arguments: known values wherever they stand, and whatever is called like one.</summary>
internal static class ArgumentRedaction
{
    private const string Mask = "***";

    private static readonly string[] Telling = ["password", "passwd", "secret", "token", "apikey", "api_key", "api-key", "authorization", "credential", "private_key", "privatekey", "access_key", "accesskey"];

    public static string Clean(string json, Redactor redactor)
    {
        try
        {
            return redactor.Clean(Masked(JsonNode.Parse(json))?.ToJsonString() ?? "null");
        }
        catch (JsonException)
        {
            return redactor.Clean(json);
        }
        catch (ArgumentException)
        {
            // One name twice: the tree can't hold it, and the text may hide behind it.
            return $"\"{Mask}\"";
        }
    }

    private static JsonNode? Masked(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                foreach (var (name, value) in members.ToList())
                {
                    if (Telling.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase)))
                    {
                        members[name] = Mask;
                    }
                    else
                    {
                        Masked(value);
                    }
                }

                break;
            case JsonArray items:
                foreach (var item in items)
                {
                    Masked(item);
                }

                break;
        }

        return node;
    }
}
