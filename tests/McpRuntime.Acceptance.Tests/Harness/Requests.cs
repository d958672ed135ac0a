using System.Text.Json.Nodes;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>Deploy requests, as a user would write them.</summary>
internal static class Requests
{
    public const string Sample = "mcpruntime/sample-server:latest";
    public const string Base = "mcpruntime/base:latest";

    /// <summary>The sample server from the catalog.</summary>
    public static JsonObject FromCatalog(string name, string entry = "sample-server", string? profile = null, params (string Name, string Value)[] environment)
    {
        var request = new JsonObject { ["name"] = name, ["catalog_server_id"] = entry };
        if (profile is not null)
        {
            request["guardrails_profile"] = profile;
        }

        return With(request, environment);
    }

    /// <summary>An image and what it is to run, for servers that are broken in a way of their own.</summary>
    public static JsonObject FromImage(string name, string image, params string[] command)
    {
        var source = new JsonObject { ["type"] = "docker", ["image"] = image };
        if (command.Length > 0)
        {
            source["command"] = new JsonArray([.. command.Select(argument => (JsonNode)argument)]);
        }

        return new JsonObject { ["name"] = name, ["source"] = source, ["endpoint_port"] = 8080 };
    }

    public static JsonObject With(JsonObject request, params (string Name, string Value)[] environment)
    {
        if (environment.Length > 0)
        {
            request["environment"] = new JsonObject(environment.Select(item => KeyValuePair.Create(item.Name, (JsonNode?)item.Value)));
        }

        return request;
    }
}
