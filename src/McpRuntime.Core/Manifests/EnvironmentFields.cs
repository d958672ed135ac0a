using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Manifests;

/// <summary><c>environment</c>: a list of names with a value or a reference to a key of a Secret, as a Pod's <c>env</c> is.</summary>
internal static class EnvironmentFields
{
    public static IReadOnlyDictionary<string, SecretText>? Read(ManifestFields spec, string? manifestNamespace)
    {
        if (spec.Objects("environment", fields => Variable(fields, manifestNamespace)) is not { } variables)
        {
            return null;
        }

        var environment = new Dictionary<string, SecretText>(StringComparer.Ordinal);
        foreach (var (name, value) in variables)
        {
            if (!environment.TryAdd(name, value))
            {
                spec.Wrong<object>("environment", $"names {Quoted.Of(name)} twice");
            }
        }

        return environment;
    }

    private static Pair? Variable(ManifestFields fields, string? manifestNamespace)
    {
        var name = fields.Text("name");
        var value = fields.Text("value");
        var reference = fields.Object("secretKeyRef", secret => Reference(secret, manifestNamespace));
        if (name is null)
        {
            return fields.Wrong<Pair>("name", "is missing: the variable's name");
        }

        if (fields.Has("value") == fields.Has("secretKeyRef"))
        {
            return fields.Wrong<Pair>("value", "give exactly one of value and secretKeyRef");
        }

        return (value ?? reference) is { } text ? new Pair(name, new SecretText(text)) : null;
    }

    /// <summary>Only the reference is kept; it is opened where the container is made, by who may.</summary>
    private static string? Reference(ManifestFields fields, string? manifestNamespace)
    {
        var (name, key) = (fields.Text("name"), fields.Text("key"));
        if (name is null || key is null)
        {
            return fields.Wrong<string>(name is null ? "name" : "key", "is missing: secretKeyRef takes the name of a Secret and a key in it");
        }

        if (manifestNamespace is null)
        {
            return fields.Wrong<string>("name", "is in no namespace: give the manifest a metadata.namespace, or write value: secret://env/MCPSECRET_NAME or secret://file/path");
        }

        var reference = $"{SecretReference.Scheme}kubernetes/{manifestNamespace}/{name}/{key}";
        return SecretReference.TryParse(reference, out _, out _)
            ? reference
            : fields.Wrong<string>("name", $"{Quoted.Of(name)} and key {Quoted.Of(key)} do not name a key of a Secret");
    }

    private sealed record Pair(string Name, SecretText Value);
}
