using System.Globalization;
using System.Text.Json.Nodes;

namespace McpRuntime.CodeEngineDouble;

/// <summary>One project with everything in it, in memory; every member is called under one lock.</summary>
internal sealed partial class DoubleProject(string id, string region, TimeProvider time)
{
    private readonly Dictionary<string, AppLife> _apps = new(StringComparer.Ordinal);
    private readonly Dictionary<string, JsonObject> _secrets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, JsonObject> _builds = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RunLife> _runs = new(StringComparer.Ordinal);
    private long _tag;
    private int _between;

    public string Id { get; } = id;

    public string Region { get; } = region;

    public Switches Switches { get; set; } = new();

    public List<Script> Scripts { get; } = [];

    public DateTimeOffset Now => time.GetUtcNow().AddSeconds(Switches.ClockAhead);

    public Script? ScriptOf(string? text, int revision = 1) =>
        Scripts.Where(s => text?.Contains(s.Contains, StringComparison.Ordinal) == true && revision >= s.FromRevision).MaxBy(s => (s.FromRevision, s.Contains.Length));

    public string NextTag() => string.Create(CultureInfo.InvariantCulture, $"{1000 + ++_tag}");

    public void Clear()
    {
        foreach (var app in _apps.Values)
        {
            app.Dispose();
        }

        _apps.Clear();
        _secrets.Clear();
        _builds.Clear();
        _runs.Clear();
        Scripts.Clear();
        Switches = new Switches();
        _between = 0;
    }

    // Apps

    public IReadOnlyList<JsonObject> Apps() => [.. Names(_apps).Select(ReadApp).OfType<JsonObject>()];

    public JsonObject? ReadApp(string name)
    {
        if (!_apps.TryGetValue(name, out var app))
        {
            return null;
        }

        if (app.LingersFor is { } left)
        {
            if (left <= 0)
            {
                app.Dispose();
                _apps.Remove(name);
                return null;
            }

            app.LingersFor = left - 1;
        }

        app.Look();
        return app.Shown();
    }

    public AppLife? FindApp(string name) => _apps.TryGetValue(name, out var app) && app.LingersFor is null ? app : null;

    public JsonObject CreateApp(JsonObject body)
    {
        Validation.App(body);
        var name = Validation.Text(body, "name")!;
        if (_apps.ContainsKey(name))
        {
            throw new Refused(Switches.DuplicateStatus, "already_exists", $"Application '{name}' already exists within project '{Id}'.");
        }

        CheckQuota(_apps.Count, Switches.Apps, "apps");
        CheckRevisions();
        _apps[name] = new AppLife(this, name, body);
        return _apps[name].Shown();
    }

    public JsonObject PatchApp(string name, JsonObject patch, string? tag)
    {
        var app = FindApp(name) ?? throw NotFound();
        CheckTag(app.Tag, tag);
        var merged = Merge(app.Settings, patch);
        merged["name"] = name;
        Validation.App(merged);
        CheckRevisions();
        app.Change(merged);
        return app.Shown();
    }

    /// <summary>Somebody else is at work in the project while its apps are listed.</summary>
    public void MakeForeignBetweenPages()
    {
        if (_between < Switches.AppsBetweenPages)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{(++_between % 2 == 1 ? 'a' : 'z')}-between-{_between}");
            _ = CreateApp(new JsonObject { ["name"] = name, ["image_reference"] = "docker.io/theirs/app:1" });
        }
    }

    public void DeleteApp(string name)
    {
        var app = FindApp(name) ?? throw NotFound();
        app.LingersFor = Switches.LingeringReads;
        if (app.LingersFor == 0)
        {
            app.Dispose();
            _apps.Remove(name);
        }
    }

    private void CheckRevisions() => CheckQuota(_apps.Values.Sum(a => a.Revisions.Count), Switches.Revisions, "app revisions");

    private void CheckQuota(int used, int quota, string what)
    {
        if (used >= quota)
        {
            throw new Refused(Switches.QuotaStatus, "quota_exceeded", $"The quota of {quota} {what} of the project is exceeded.");
        }
    }

    // Secrets

    public IReadOnlyList<JsonObject> Secrets() => [.. Names(_secrets).Select(n => _secrets[n].DeepClone().AsObject())];

    /// <summary>As the API lists them.</summary>
    public IReadOnlyList<JsonObject> ListSecrets(string? format) =>
        [.. Secrets().Where(s => format is null || Validation.Text(s, "format") == format).Select(s => Switches.SecretListsOmitData ? Without(s, "data") : s)];

    public JsonObject? Secret(string name) => _secrets.GetValueOrDefault(name)?.DeepClone().AsObject();

    public JsonObject CreateSecret(JsonObject body)
    {
        Validation.Secret(body, isNew: true);
        var name = Validation.Text(body, "name")!;
        if (_secrets.ContainsKey(name))
        {
            throw new Refused(Switches.DuplicateStatus, "already_exists", $"Secret '{name}' already exists.");
        }

        CheckQuota(_secrets.Count, Switches.Secrets, "secrets");

        var secret = body.DeepClone().AsObject();
        secret["entity_tag"] = NextTag();
        secret["generated_by"] = "user";
        secret["resource_type"] = "secret_generic_v2";
        _secrets[name] = secret;
        return Secret(name)!;
    }

    public JsonObject ReplaceSecret(string name, JsonObject body, string? tag)
    {
        var secret = _secrets.GetValueOrDefault(name) ?? throw NotFound();
        CheckTag(Validation.Text(secret, "entity_tag")!, tag);
        Validation.Secret(body, isNew: false);
        secret["data"] = body["data"]!.DeepClone();
        secret["entity_tag"] = NextTag();
        return Secret(name)!;
    }

    public void DeleteSecret(string name)
    {
        if (!_secrets.Remove(name))
        {
            throw NotFound();
        }
    }

    public static Refused NotFound() => new(404, "resource_not_found", "Resource not found.");

    private void CheckTag(string live, string? given)
    {
        if (given is null)
        {
            throw new Refused(Switches.MissingTagStatus, "precondition_required", "The If-Match header is required.");
        }

        if (given != "*" && given.Trim('"') != live)
        {
            throw new Refused(Switches.StaleTagStatus, "precondition_failed", "The resource was changed in the meantime.");
        }
    }

    /// <summary>RFC 7396.</summary>
    private static JsonObject Merge(JsonObject target, JsonObject patch)
    {
        var merged = target.DeepClone().AsObject();
        foreach (var (name, value) in patch)
        {
            if (value is null)
            {
                merged.Remove(name);
            }
            else
            {
                merged[name] = value is JsonObject nested ? Merge(merged[name] as JsonObject ?? [], nested) : value.DeepClone();
            }
        }

        return merged;
    }

    private static JsonObject Without(JsonObject from, string field)
    {
        from.Remove(field);
        return from;
    }

    private static string[] Names<T>(Dictionary<string, T> things) => [.. things.Keys.Order(StringComparer.Ordinal)];
}
