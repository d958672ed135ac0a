using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Core.Approvals;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Sources.Rest;

namespace McpRuntime.Server.Plans;

/// <summary>Two contents, field by field, in the words of the API.</summary>
internal static class Differences
{
    private const string Hidden = "***";

    public static IReadOnlyList<PlannedDifference> Of(PlannedContent before, PlannedContent after)
    {
        var (from, to) = (before.Fields(), after.Fields());
        return
        [
            .. from.Keys.Union(to.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
                .Select(field => (field, From: from.GetValueOrDefault(field), To: to.GetValueOrDefault(field)))
                .Where(pair => pair.From != pair.To)
                .Select(pair => pair.field.StartsWith("environment.", StringComparison.Ordinal)
                    ? new PlannedDifference(pair.field, pair.From is null ? null : Hidden, pair.To is null ? null : Hidden)
                    : new PlannedDifference(pair.field, pair.From, pair.To)),
        ];
    }
}

/// <param name="Environment">Compared, never shown.</param>
internal sealed record PlannedContent(RuntimeSpec Spec, EffectiveGuardrails Guardrails, ResolvedFacts? Facts, IReadOnlyDictionary<string, SecretText> Environment)
{
    /// <summary>Leaves by path; a list is one leaf.</summary>
    public Dictionary<string, string?> Fields()
    {
        var form = new JsonObject
        {
            ["source"] = JsonSerializer.SerializeToNode(SourceJson.Of(Spec.Source), RestJson.Options),
            ["image_digest"] = Facts is null ? null : ApprovalBinding.PinOf(Facts),
            ["catalog_server_id"] = Spec.Catalog?.Id,
            ["guardrails_profile"] = Guardrails.Profile,
            ["guardrails"] = JsonSerializer.SerializeToNode(Guardrails.Config, RestJson.Options),
            ["volumes"] = JsonSerializer.SerializeToNode(Spec.Volumes, RestJson.Options),
            ["register_gateway"] = Spec.RegisterGateway,
            ["gateway_name"] = Spec.GatewayName,
            ["gateway_transport"] = Spec.GatewayTransport is { } transport ? TransportWord.Of(transport) : null,
            ["endpoint_port"] = Spec.EndpointPort,
            ["endpoint_path"] = Spec.EndpointPath,
            ["visibility"] = JsonSerializer.SerializeToNode(Spec.Visibility, RestJson.Options),
            ["team_id"] = Spec.TeamId,
            ["tags"] = JsonSerializer.SerializeToNode(Spec.Tags, RestJson.Options),
            ["metadata"] = JsonSerializer.SerializeToNode(Spec.Metadata, RestJson.Options),
        };
        var fields = new Dictionary<string, string?>(StringComparer.Ordinal);
        Flatten(form, "", fields);
        foreach (var (name, value) in Environment)
        {
            fields[$"environment.{name}"] = value.Reveal();
        }

        return fields;
    }

    private static void Flatten(JsonNode? node, string path, Dictionary<string, string?> fields)
    {
        if (node is JsonObject branch)
        {
            foreach (var (name, value) in branch)
            {
                Flatten(value, path.Length == 0 ? name : $"{path}.{name}", fields);
            }
        }
        else if (node is not null)
        {
            fields[path] = node is JsonValue leaf && leaf.TryGetValue<string>(out var text) ? text : node.ToJsonString();
        }
    }
}
