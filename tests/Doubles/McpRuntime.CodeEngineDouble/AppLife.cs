using System.Globalization;
using System.Text.Json.Nodes;

namespace McpRuntime.CodeEngineDouble;

/// <summary>One app: what is set, its revisions, the instances of the one that serves, and a port of its own that leads to a real server.</summary>
internal sealed class AppLife : IDisposable
{
    private readonly DoubleProject _project;
    private readonly string _name;
    private readonly string _id = Guid.NewGuid().ToString();
    private readonly DateTimeOffset _createdAt;
    private readonly Relay _relay;
    private readonly List<JsonObject> _instances = [];
    private readonly List<string> _said = [];
    private int _number;
    private int _readsLeft;
    private string _change;
    private string _status = "deploying";
    private string _reason = "deploying";
    private string? _ready;
    private DateTimeOffset _lastCall;
    private (string Status, JsonObject Details)? _before;
    private int _beforeLeft;

    public AppLife(DoubleProject project, string name, JsonObject settings)
    {
        (_project, _name, Settings) = (project, name, settings.DeepClone().AsObject());
        _createdAt = project.Now;
        _change = project.NextTag();
        _relay = new Relay(Upstream);
        Revise();
    }

    public JsonObject Settings { get; private set; }

    /// <summary>As it is shown, and as a change has to name it.</summary>
    public string Tag => _project.Switches.TagFollowsStatus ? $"{_change}-{_status}" : _change;

    public int? LingersFor { get; set; }

    public List<JsonObject> Revisions { get; } = [];

    public string Newest => string.Create(CultureInfo.InvariantCulture, $"{_name}-{_number:00000}");

    public void Dispose() => _relay.Dispose();

    public void Change(JsonObject settings)
    {
        var before = Settings.ToJsonString();
        Settings = settings.DeepClone().AsObject();
        if (Settings.ToJsonString() != before)
        {
            _change = _project.NextTag();
            (_before, _beforeLeft) = (_project.Switches.StatusLagsReads > 0 ? (_status, Details()) : null, _project.Switches.StatusLagsReads);
            Revise();
        }
    }

    /// <summary>A read: time passes.</summary>
    public void Look()
    {
        if (_beforeLeft > 0)
        {
            _beforeLeft--;
            return;
        }

        _before = null;
        if (_status == "deploying" && --_readsLeft <= 0)
        {
            Settle();
        }

        if (_instances.Count > Least && _lastCall.AddSeconds(_project.Switches.IdleSeconds) < _project.Now && _status is "ready")
        {
            _instances.RemoveRange(Least, _instances.Count - Least);
        }
    }

    public IReadOnlyList<JsonObject> Instances() => [.. _instances.Select(i => i.DeepClone().AsObject())];

    /// <summary>The server in it is killed, and every start after that: the platform gives the revision up.</summary>
    public void Kill(int exitCode)
    {
        if (_status is not ("ready" or "warning"))
        {
            return;
        }

        Revision(Newest)["status"] = "failed";
        Revision(Newest)["status_details"]!["reason"] = string.Create(CultureInfo.InvariantCulture, $"container_failed_exit_code_{exitCode}");
        Fail(exitCode);
    }

    public JsonObject Shown()
    {
        var shown = Settings.DeepClone().AsObject();
        if (_project.Switches.FillsDefaults)
        {
            Fill(shown);
        }

        shown["id"] = _id;
        shown["name"] = _name;
        shown["created_at"] = _createdAt.ToString("yyyy-MM-dd'T'HH:mm:ss.fffK", CultureInfo.InvariantCulture);
        shown["project_id"] = _project.Id;
        shown["region"] = _project.Region;
        shown["resource_type"] = "app_v2";
        shown["entity_tag"] = Tag;
        shown["status"] = _before?.Status ?? _status;
        shown["status_details"] = _before?.Details.DeepClone() ?? Details();
        shown["computed_env_variables"] = new JsonArray(new JsonObject { ["type"] = "literal", ["name"] = "CE_APP", ["value"] = _name });
        shown["endpoint"] = IsInside ? "" : $"http://127.0.0.1:{_relay.Port}";
        shown["endpoint_internal"] = $"http://{_name}.subdomain.svc.cluster.local";
        if (_project.Switches.UnknownExtras)
        {
            shown["shiny_new_field"] = new JsonObject { ["nested"] = new JsonArray(1, 2) };
            shown["managed_domain_mappings"] ??= "local_galactic";
            shown["computed_env_variables"]!.AsArray().Add(new JsonObject { ["type"] = "vault_reference", ["name"] = "CE_VAULT", ["vault"] = 7 });
            if (_status == "deploying")
            {
                shown["status"] = "levitating";
                shown["status_details"]!["reason"] = "quantum_flux";
            }
        }

        return shown;
    }

    /// <summary>The lines of an instance's container, oldest first.</summary>
    public IReadOnlyList<string> Lines(string instance)
    {
        if (!_instances.Exists(i => Validation.Text(i, "name") == instance))
        {
            throw DoubleProject.NotFound();
        }

        return AllLines();
    }

    /// <summary>What every instance ever wrote: Cloud Logs keeps it when they are gone.</summary>
    public IReadOnlyList<string> AllLines()
    {
        var arguments = (Settings["run_arguments"] as JsonArray)?.Select(a => a!.GetValue<string>()).ToArray() ?? [];
        var count = arguments is ["lines", var number] ? int.Parse(number, CultureInfo.InvariantCulture) : 0;
        return count == 0
            ? [$"{Stamp(0)} listening on {Settings["image_port"]}", .. _said]
            : [.. Enumerable.Range(0, count).Select(i => $"{Stamp(i)} line {i}"), .. _said];
    }

    /// <summary>The server in it writes a line.</summary>
    public void Say(string text) => _said.Add($"{_project.Now.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture)} {text}");

    /// <summary>Nobody called for a while.</summary>
    public void Idle() => _instances.RemoveRange(Least, Math.Max(0, _instances.Count - Least));

    private JsonObject Details() => new() { ["latest_created_revision"] = Newest, ["latest_ready_revision"] = _ready, ["reason"] = _reason };

    private bool IsInside => Validation.Text(Settings, "managed_domain_mappings") == "local";

    private int Least => Settings["scale_min_instances"]?.GetValue<int>() ?? 0;

    private string Stamp(int second) => _createdAt.AddSeconds(second).UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);

    private JsonObject Revision(string name) => Revisions.First(r => Validation.Text(r, "name") == name);

    private void Revise()
    {
        _number++;
        _readsLeft = _project.Switches.ReadyAfterReads;
        (_status, _reason) = ("deploying", "deploying");
        Revisions.Add(new JsonObject
        {
            ["name"] = Newest, ["app_name"] = _name, ["resource_type"] = "app_revision_v2", ["status"] = "loading", ["status_details"] = new JsonObject { ["actual_instances"] = 0, ["reason"] = "deploying" },
            ["run_env_variables"] = Settings["run_env_variables"]?.DeepClone(),
        });
        if (_readsLeft == 0)
        {
            Settle();
        }
    }

    private void Settle()
    {
        var script = _project.ScriptOf(Validation.Text(Settings, "image_reference"), _number);
        var reason = MissingSecret() ?? script?.Reason;
        var revision = Revision(Newest);
        if (reason is "deploying_waiting_for_resources" or "waiting" or "deploying")
        {
            revision["status_details"]!["reason"] = reason;
            _reason = "waiting_for_resources";
            return;
        }

        revision["status"] = reason is null ? "ready" : "failed";
        revision["status_details"]!["reason"] = reason ?? "ready";
        if (reason is not null)
        {
            const string Prefix = "container_failed_exit_code_";
            Fail(script?.ExitCode ?? (reason.StartsWith(Prefix, StringComparison.Ordinal) ? int.Parse(reason.AsSpan(Prefix.Length), CultureInfo.InvariantCulture) : null));
            return;
        }

        (_status, _reason, _ready, _lastCall) = ("ready", "ready", Newest, _project.Now);
        _instances.Clear();
        _instances.Add(Instance("running", exitCode: null));
    }

    private void Fail(int? exitCode)
    {
        var serves = _ready is not null && _ready != Newest;
        (_status, _reason) = serves ? ("warning", "ready_but_latest_revision_failed") : ("failed", "no_revision_ready");
        if (!serves)
        {
            _ready = null;
            _instances.Clear();
        }

        if (exitCode is not null)
        {
            _instances.Insert(0, Instance("failed", exitCode));
        }
    }

    private string? MissingSecret()
    {
        if (Validation.Text(Settings, "image_secret") is { } pull && _project.Secret(pull) is null)
        {
            return "fetch_image_failed_missing_pull_secret";
        }

        var references = (Settings["run_env_variables"] as JsonArray ?? []).Select(v => v!["type"]?.GetValue<string>().StartsWith("secret_", StringComparison.Ordinal) == true ? Validation.Text(v, "reference") : null);
        return references.Any(r => r is not null && _project.Secret(r) is null) ? "initial_scale_never_achieved" : null;
    }

    private JsonObject Instance(string status, int? exitCode)
    {
        var state = new JsonObject { ["container_status"] = exitCode is null ? "running" : "terminated", ["reason"] = exitCode is null ? null : "Error", ["exit_code"] = exitCode };
        return new JsonObject
        {
            ["name"] = $"{Newest}-deployment-{Guid.NewGuid().ToString("N")[..10]}-{Guid.NewGuid().ToString("N")[..5]}",
            ["app_name"] = _name,
            ["revision_name"] = Newest,
            ["resource_type"] = "app_instance_v2",
            ["status"] = status,
            ["status_details"] = new JsonObject { ["restarts"] = exitCode is null ? 0 : 3, ["user_container"] = new JsonObject { ["current_state"] = state } },
        };
    }

    /// <summary>Where a call from outside goes; it starts an instance when there is none.</summary>
    private (string Host, int Port)? Upstream()
    {
        if (_status is not ("ready" or "warning") || IsInside || LingersFor is not null || _project.ScriptOf(Validation.Text(Settings, "image_reference"))?.Upstream is not { } upstream)
        {
            return null;
        }

        _lastCall = _project.Now;
        if (_instances.Count == 0)
        {
            _instances.Add(Instance("running", exitCode: null));
        }

        var colon = upstream.LastIndexOf(':');
        return (upstream[..colon], int.Parse(upstream.AsSpan(colon + 1), CultureInfo.InvariantCulture));
    }

    private static void Fill(JsonObject shown)
    {
        shown["image_port"] ??= 8080;
        shown["managed_domain_mappings"] ??= "local_public";
        shown["run_arguments"] ??= new JsonArray();
        shown["run_commands"] ??= new JsonArray();
        shown["run_as_user"] ??= 0;
        shown["run_compute_resource_token_enabled"] ??= false;
        shown["run_env_variables"] ??= new JsonArray();
        shown["run_service_account"] ??= "default";
        shown["run_volume_mounts"] ??= new JsonArray();
        shown["scale_min_instances"] ??= 0;
        shown["scale_max_instances"] ??= 10;
        shown["scale_initial_instances"] ??= 1;
        shown["scale_concurrency"] ??= 100;
        shown["scale_concurrency_target"] ??= shown["scale_concurrency"]!.DeepClone();
        shown["scale_cpu_limit"] ??= "1";
        shown["scale_memory_limit"] ??= "4G";
        shown["scale_ephemeral_storage_limit"] ??= "400M";
        shown["scale_request_timeout"] ??= 300;
        shown["scale_down_delay"] ??= 0;
        foreach (var probe in new[] { shown["probe_liveness"], shown["probe_readiness"] }.OfType<JsonObject>())
        {
            probe["initial_delay"] ??= 1;
        }
    }
}
