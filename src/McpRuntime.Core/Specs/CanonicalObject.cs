using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace McpRuntime.Core.Specs;

/// <summary>A JSON object that is written in the order it is filled and has no members for defaults.</summary>
internal sealed class CanonicalObject
{
    private readonly JsonObject _members = [];

    public CanonicalObject Text(string name, string? value) => Put(name, value is null ? null : JsonValue.Create(value));

    public CanonicalObject Number(string name, int? value) => Put(name, value is { } number ? JsonValue.Create(number) : null);

    /// <summary>Only true is written.</summary>
    public CanonicalObject Flag(string name, bool value) => Put(name, value ? JsonValue.Create(value) : null);

    /// <summary>False is written too: it was sent.</summary>
    public CanonicalObject Sent(string name, bool? value) => Put(name, value is { } sent ? JsonValue.Create(sent) : null);

    /// <summary>A set: sorted; nothing when empty.</summary>
    public CanonicalObject List<T>(string name, IReadOnlyList<T>? values) => values is { Count: > 0 } ? SentList(name, values) : this;

    /// <summary>A set: sorted; written even when empty.</summary>
    public CanonicalObject SentList<T>(string name, IReadOnlyList<T>? values) =>
        values is null ? this : Put(name, Array(values.Select(value => Convert.ToString(value, CultureInfo.InvariantCulture)).Order(StringComparer.Ordinal)));

    /// <summary>A list whose order matters.</summary>
    public CanonicalObject Sequence(string name, IReadOnlyList<string>? values) => values is null ? this : Put(name, Array(values));

    public CanonicalObject Node(string name, CanonicalObject? value) => value is null || value._members.Count == 0 ? this : Put(name, value._members);

    public override string ToString() => _members.ToJsonString(JsonSerializerOptions.Default);

    private static JsonArray Array(IEnumerable<string?> values)
    {
        var array = new JsonArray();
        foreach (var value in values)
        {
            array.Add(value is null ? null : JsonValue.Create(value));
        }

        return array;
    }

    private CanonicalObject Put(string name, JsonNode? value)
    {
        if (value is not null)
        {
            _members.Add(name, value);
        }

        return this;
    }
}
