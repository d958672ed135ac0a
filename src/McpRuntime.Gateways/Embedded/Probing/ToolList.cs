using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using McpRuntime.Core.Planning;

namespace McpRuntime.Gateways.Embedded.Probing;

/// <summary>The tools a server offers, and a hash of what they say of themselves: a model acts on those words, so a change of them is told.</summary>
internal sealed class ToolList
{
    /// <summary>Beyond these a list is not shown whole; the hash covers all that was read.</summary>
    private const int MaxNames = 1000;

    private const int MaxName = 256;

    /// <summary>Bytes of definitions that are kept to be shown; an honest server has some tens of thousands.</summary>
    private const int MaxKept = 1024 * 1024;

    private static readonly string[] Hashed = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];

    private readonly SortedDictionary<string, byte[]> _tools = new(StringComparer.Ordinal);

    public int Count => _tools.Count;

    public IReadOnlyList<string> Names => [.. _tools.Keys.Take(MaxNames)];

    /// <summary>SHA-256 over the tools in the order of their names, each as JSON with sorted keys; <c>_meta</c> and icons are left out.</summary>
    public string Hash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var tool in _tools.Values)
        {
            hash.AppendData(tool);
            hash.AppendData("\n"u8);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>False: not a list of tools.</summary>
    public bool Add(JsonElement page)
    {
        if (page.ValueKind != JsonValueKind.Object || !page.TryGetProperty("tools", out var tools) || tools.ValueKind != JsonValueKind.Array)
        {
            return false;
        }

        foreach (var tool in tools.EnumerateArray())
        {
            if (tool.ValueKind != JsonValueKind.Object || !tool.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String)
            {
                return false;
            }

            _tools[Words.Plain(name.GetString(), MaxName) ?? ""] = Canonical(tool);
        }

        return true;
    }

    /// <summary>Each with its own hash; without their texts where those are too large to keep.</summary>
    public IReadOnlyList<ToolDefinition> Definitions()
    {
        var kept = _tools.Values.Sum(tool => (long)tool.Length) <= MaxKept;
        return [.. _tools.Select(tool => new ToolDefinition(tool.Key, HashOf(tool.Value), kept ? Encoding.UTF8.GetString(tool.Value) : ""))];
    }

    /// <summary>Null: it is no tool.</summary>
    public static ToolDefinition? DefinitionOf(JsonElement tool)
    {
        if (tool.ValueKind != JsonValueKind.Object || !tool.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        var canonical = Canonical(tool);
        return new ToolDefinition(Words.Plain(name.GetString(), MaxName) ?? "", HashOf(canonical), "");
    }

    private static string HashOf(byte[] canonical) => Convert.ToHexStringLower(SHA256.HashData(canonical));

    private static byte[] Canonical(JsonElement tool)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var field in Hashed)
            {
                if (tool.TryGetProperty(field, out var value))
                {
                    writer.WritePropertyName(field);
                    Write(writer, value);
                }
            }

            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter writer, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Object)
        {
            writer.WriteStartObject();
            foreach (var property in value.EnumerateObject().OrderBy(property => property.Name, StringComparer.Ordinal))
            {
                writer.WritePropertyName(property.Name);
                Write(writer, property.Value);
            }

            writer.WriteEndObject();
        }
        else if (value.ValueKind == JsonValueKind.Array)
        {
            writer.WriteStartArray();
            foreach (var item in value.EnumerateArray())
            {
                Write(writer, item);
            }

            writer.WriteEndArray();
        }
        else
        {
            writer.WriteRawValue(value.GetRawText(), skipInputValidation: true);
        }
    }
}

/// <summary>A stranger's words made fit for our status, logs and pages.</summary>
internal static class Words
{
    public static string? Plain(string? text, int max)
    {
        if (text is null)
        {
            return null;
        }

        var kept = new StringBuilder(Math.Min(text.Length, max));
        foreach (var rune in text.EnumerateRunes())
        {
            if (kept.Length + rune.Utf16SequenceLength > max)
            {
                break;
            }

            kept.Append(Rune.IsControl(rune) ? "·" : rune.ToString());
        }

        return kept.ToString();
    }
}
