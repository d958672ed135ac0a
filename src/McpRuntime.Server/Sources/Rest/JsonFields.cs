using System.Text.Json;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>
/// One JSON object, read field by field: wrong types and fields nobody asked for become errors by path, all of them at once.
/// An explicit null is a field that was not sent.
/// </summary>
internal sealed class JsonFields(JsonElement element, string path, List<ValidationError> errors)
{
    // A hostile body can hold a hundred thousand wrong fields; nobody reads more errors than this.
    private const int MaxErrors = 50;
    private const int MaxShown = 64;

    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    public string? Text(string name) => Take(name, JsonValueKind.String, "a string") is { } value ? TextOf(value, PathOf(name)) : null;

    /// <summary>A quantity: <c>"0.5"</c>, or the number itself as it was written.</summary>
    public string? TextOrNumber(string name)
    {
        if (element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number)
        {
            _asked.Add(name);
            return value.GetRawText();
        }

        return Text(name);
    }

    public int? Whole(string name)
    {
        if (Take(name, JsonValueKind.Number, "a whole number") is not { } value)
        {
            return null;
        }

        return value.TryGetInt32(out var number) ? number : Wrong<int?>(PathOf(name), $"must be a whole number from {int.MinValue} to {int.MaxValue}");
    }

    public bool? Flag(string name)
    {
        _asked.Add(name);
        if (!element.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind is JsonValueKind.True or JsonValueKind.False
            ? value.GetBoolean()
            : Wrong<bool?>(PathOf(name), $"must be true or false, not {Kind(value)}");
    }

    public IReadOnlyList<string>? Texts(string name) =>
        Items(name, "an array of strings", (value, at) => value.ValueKind == JsonValueKind.String
            ? TextOf(value, at)
            : Wrong<string?>(at, $"must be a string, not {Kind(value)}")) is { } items ? [.. items.OfType<string>()] : null;

    public IReadOnlyList<int>? Wholes(string name) =>
        Items(name, "an array of whole numbers", (value, at) => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
            ? number
            : Wrong<int?>(at, $"must be a whole number, not {Kind(value)}")) is { } items ? [.. items.OfType<int>()] : null;

    public IReadOnlyDictionary<string, string>? Map(string name)
    {
        if (Take(name, JsonValueKind.Object, "an object of strings") is not { } value)
        {
            return null;
        }

        var map = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in value.EnumerateObject())
        {
            var at = $"{PathOf(name)}.{Shown(property.Name)}";
            if (property.Value.ValueKind != JsonValueKind.String)
            {
                Wrong<string>(at, $"must be a string, not {Kind(property.Value)}");
            }
            else if (TextOf(property.Value, at) is { } text)
            {
                map[property.Name] = text;
            }
        }

        return map;
    }

    public T? Object<T>(string name, Func<JsonFields, T> read)
        where T : class
    {
        if (Take(name, JsonValueKind.Object, "an object") is not { } value)
        {
            return null;
        }

        var fields = new JsonFields(value, PathOf(name), errors);
        var result = read(fields);
        fields.NoOthers();
        return result;
    }

    /// <summary>Says of every field that was not asked for that it is unknown, and which ones there are.</summary>
    public void NoOthers()
    {
        foreach (var property in element.EnumerateObject().Where(property => !_asked.Contains(property.Name)))
        {
            Wrong<object>(PathOf(Shown(property.Name)), _asked.Count == 0 ? "is not known here; no field is" : $"is not known here; known are {string.Join(", ", _asked)}");
        }
    }

    public T? Wrong<T>(string at, string message)
    {
        if (errors.Count < MaxErrors)
        {
            errors.Add(new ValidationError(at, message));
        }

        return default;
    }

    public string PathOf(string name) => path.Length == 0 ? name : $"{path}.{name}";

    private List<T>? Items<T>(string name, string expected, Func<JsonElement, string, T> read)
    {
        if (Take(name, JsonValueKind.Array, expected) is not { } value)
        {
            return null;
        }

        var index = 0;
        var items = new List<T>();
        foreach (var item in value.EnumerateArray())
        {
            items.Add(read(item, $"{PathOf(name)}[{index++}]"));
        }

        return items;
    }

    private JsonElement? Take(string name, JsonValueKind kind, string expected)
    {
        _asked.Add(name);
        if (!element.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        return value.ValueKind == kind ? value : Wrong<JsonElement?>(PathOf(name), $"must be {expected}, not {Kind(value)}");
    }

    private string? TextOf(JsonElement value, string at)
    {
        var text = value.GetString()!;
        // PostgreSQL's text cannot hold it, no argument vector can, and no honest value does.
        return text.Contains('\0', StringComparison.Ordinal) ? Wrong<string>(at, "must not contain a NUL character") : text;
    }

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        JsonValueKind.Null or JsonValueKind.Undefined => "null",
    };

    /// <summary>A name of the caller's own making, short enough and printable, to be shown back.</summary>
    private static string Shown(string name)
    {
        var printable = string.Concat(name.Take(MaxShown).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
        return name.Length > MaxShown ? printable + "…" : printable;
    }
}
