using System.Globalization;
using System.Text.Json.Nodes;

namespace McpRuntime.ContextForgeDouble;

/// <summary>One registered gateway.</summary>
internal sealed class Entry
{
    public required string Id { get; init; }

    public required JsonObject Fields { get; set; }

    public bool Enabled { get; set; } = true;

    public bool Reachable { get; set; } = true;

    /// <summary><c>pending</c>, <c>active</c>, <c>failed</c> or <c>deleting</c>.</summary>
    public string Status { get; set; } = "active";

    public string? Message { get; set; }

    /// <summary>Reads left until what was accepted comes about.</summary>
    public int Reads { get; set; }

    public string Text(string field) => Fields[field]?.GetValue<string>() ?? "";
}

/// <summary>The registry's state and its rules: names and URLs are unique, what is accepted comes about after some reads.</summary>
internal sealed class Registry
{
    private readonly List<Entry> _entries = [];
    private int _next;

    public Switches Switches { get; set; } = new();

    public IReadOnlyList<Entry> Entries => _entries;

    /// <summary>Before anything is kept: who else has the name, or the URL.</summary>
    public void MustBeFree(JsonObject fields, string? butId = null)
    {
        foreach (var other in _entries.Where(entry => entry.Id != butId && entry.Status != "deleting"))
        {
            if (other.Text("name") == fields["name"]?.GetValue<string>())
            {
                throw new Refused(409, $"Public Gateway already exists with name: {other.Text("name")}");
            }

            if (other.Text("url") == fields["url"]?.GetValue<string>())
            {
                throw new Refused(409, $"The gateway with URL {other.Text("url")} already exists");
            }
        }
    }

    public Entry Add(JsonObject fields)
    {
        var entry = new Entry { Id = string.Create(CultureInfo.InvariantCulture, $"{++_next:x32}"), Fields = fields };
        _entries.Add(entry);
        return entry;
    }

    public Entry Find(string id) => _entries.Find(entry => entry.Id == id) ?? throw new Refused(404, $"Gateway not found: {id}");

    public void Forget(Entry entry) => _entries.Remove(entry);

    public void Clear() => _entries.Clear();

    /// <summary>A look, which is what lets accepted things come about.</summary>
    public void Look(Entry entry)
    {
        if (entry.Status is not ("pending" or "deleting") || --entry.Reads > 0)
        {
            return;
        }

        if (entry.Status == "deleting")
        {
            Forget(entry);
        }
        else
        {
            entry.Status = entry.Message is null ? "active" : "failed";
            entry.Reachable = entry.Message is null;
        }
    }

    public JsonObject Read(Entry entry)
    {
        var read = new JsonObject
        {
            ["id"] = entry.Id,
            ["enabled"] = entry.Enabled,
            ["reachable"] = entry.Reachable,
            ["status"] = entry.Status,
            ["statusMessage"] = entry.Message,
            ["toolCount"] = 0,
            ["authType"] = entry.Fields["auth_type"]?.DeepClone(),
            ["authToken"] = entry.Fields["auth_token"] is null ? null : "*****",
            ["teamId"] = entry.Fields["team_id"]?.DeepClone(),
            ["tags"] = new JsonArray([.. (entry.Fields["tags"]?.AsArray() ?? []).Select(tag => Tag(tag!.GetValue<string>()))]),
        };
        foreach (var field in (string[])["name", "url", "description", "transport", "visibility"])
        {
            read[field] = entry.Fields[field]?.DeepClone();
        }

        return read;
    }

    private JsonNode Tag(string tag) => Switches.TagObjects ? new JsonObject { ["id"] = tag, ["label"] = tag } : tag;
}
