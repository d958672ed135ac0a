namespace McpRuntime.Core.Manifests;

/// <summary>A request's field, as the manifest calls it.</summary>
internal static class ManifestPaths
{
    private static readonly (string Request, string Manifest)[] Places =
    [
        ("name", "metadata.name"),
        ("guardrails_profile", "spec.guardrails.profile"),
        ("guardrails_overrides", "spec.guardrails.overrides"),
        ("register_gateway", "spec.gateway.register"),
        ("gateway_name", "spec.gateway.name"),
        ("gateway_transport", "spec.gateway.transport"),
        ("endpoint_port", "spec.gateway.port"),
        ("endpoint_path", "spec.gateway.path"),
        ("metadata.requested_reason", "spec.requestedReason"),
    ];

    /// <summary><c>source.compose_file</c> → <c>spec.source.composeFile</c>. The names of variables stay what they are.</summary>
    public static string OfRequest(string path)
    {
        foreach (var (request, manifest) in Places)
        {
            if (path == request || (path.StartsWith(request, StringComparison.Ordinal) && path[request.Length] is '.' or '['))
            {
                return manifest + Camel(path[request.Length..]);
            }
        }

        return path.StartsWith("environment.", StringComparison.Ordinal) ? $"spec.{path}" : $"spec.{Camel(path)}";
    }

    /// <summary>A profile's own errors are about its config, but for three fields.</summary>
    public static string OfProfile(string path) => path switch
    {
        "name" => "metadata.name",
        "description" => "spec.description",
        _ when path.StartsWith("recommended_backends", StringComparison.Ordinal) => "spec." + Camel(path),
        _ when path.StartsWith("config", StringComparison.Ordinal) => "spec." + Camel(path),
        _ => "spec.config." + Camel(path),
    };

    private static string Camel(string path)
    {
        var words = path.Split('_');
        return words[0] + string.Concat(words.Skip(1).Select(word => word.Length == 0 ? "_" : char.ToUpperInvariant(word[0]) + word[1..]));
    }
}
