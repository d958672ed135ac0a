using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace McpRuntime.CodeEngineDouble;

internal sealed partial class DoubleProject
{
    /// <summary>Reasons that a build itself fails for, before it has a run.</summary>
    private static readonly string[] OfBuilds =
    [
        "strategy_not_found", "cluster_build_strategy_not_found", "set_owner_reference_failed", "spec_source_secret_not_found", "spec_output_secret_ref_not_found", "spec_runtime_secret_ref_not_found",
        "multiple_secret_ref_not_found", "runtime_paths_can_not_be_empty", "remote_repository_unreachable",
    ];

    public IReadOnlyList<JsonObject> Builds() => [.. Names(_builds).Select(n => Build(n)!)];

    public JsonObject? Build(string name)
    {
        if (_builds.GetValueOrDefault(name)?.DeepClone() is not JsonObject build)
        {
            return null;
        }

        var missing = Validation.Text(build, "output_secret") is { } secret && !_secrets.ContainsKey(secret) ? "spec_output_secret_ref_not_found" : null;
        var reason = missing ?? (ScriptOf(Validation.Text(build, "source_url"))?.Reason is { } scripted && OfBuilds.Contains(scripted) ? scripted : null);
        build["status"] = reason is not null ? "failed" : Switches.UnknownExtras ? "simmering" : "ready";
        build["status_details"] = new JsonObject { ["reason"] = reason ?? "registered" };
        return build;
    }

    public JsonObject CreateBuild(JsonObject body)
    {
        Validation.Build(body);
        var name = Validation.Text(body, "name")!;
        if (_builds.ContainsKey(name))
        {
            throw new Refused(Switches.DuplicateStatus, "already_exists", $"Build '{name}' already exists.");
        }

        CheckQuota(_builds.Count, Switches.Builds, "builds");
        var build = body.DeepClone().AsObject();
        build["entity_tag"] = NextTag();
        build["resource_type"] = "build_v2";
        _builds[name] = build;
        return Build(name)!;
    }

    public void DeleteBuild(string name)
    {
        if (!_builds.Remove(name))
        {
            throw NotFound();
        }
    }

    public IReadOnlyList<JsonObject> Runs(string? build) => [.. Names(_runs).Select(Run).OfType<JsonObject>().Where(r => build is null || Validation.Text(r, "build_name") == build)];

    public JsonObject? Run(string name)
    {
        if (!_runs.TryGetValue(name, out var run))
        {
            return null;
        }

        if (run.EndedAt is { } ended && Now > ended.AddSeconds(Switches.RunSeconds))
        {
            _runs.Remove(name);
            return null;
        }

        run.Look(this);
        var shown = run.Shown();
        if (Switches.UnknownExtras && Validation.Text(shown, "status") is "pending" or "running")
        {
            shown["status"] = "warming_up";
        }

        return shown;
    }

    public JsonObject CreateRun(JsonObject body)
    {
        var build = Validation.Text(body, "build_name") ?? throw Validation.Bad("build_name, or a whole configuration, is required");
        if (Build(build) is not { } configured)
        {
            throw new Refused(404, "resource_not_found", $"Build '{build}' not found.");
        }

        if (Validation.Text(configured, "status") == "failed")
        {
            throw new Refused(409, "build_not_ready", $"Build '{build}' is not ready.");
        }

        var name = Validation.Text(body, "name") ?? string.Create(CultureInfo.InvariantCulture, $"{build}-run-{Now:yyMMdd-HHmmss}");
        if (_runs.ContainsKey(name))
        {
            throw new Refused(Switches.DuplicateStatus, "already_exists", $"Build run '{name}' already exists.");
        }

        CheckQuota(_runs.Count, Switches.BuildRuns, "build runs");
        var parameters = body["run_build_params"] ?? configured["run_build_params"];
        _runs[name] = new RunLife(
            new JsonObject { ["name"] = name, ["build_name"] = build, ["run_build_params"] = parameters?.DeepClone(), ["resource_type"] = "build_run_v2", ["created_at"] = Now.ToString("O", CultureInfo.InvariantCulture) },
            Validation.Text(configured, "source_url")!,
            Validation.Text(configured, "source_revision") ?? "HEAD",
            Switches.BuildReads);
        return _runs[name].Shown();
    }

    public void DeleteRun(string name)
    {
        if (!_runs.Remove(name))
        {
            throw NotFound();
        }
    }
}

/// <summary>pending → running → succeeded or failed, a few reads each.</summary>
internal sealed class RunLife(JsonObject shown, string repository, string commit, int reads)
{
    private int _stage;
    private int _looks;
    private string? _reason;

    public DateTimeOffset? EndedAt { get; private set; }

    public void Look(DoubleProject project)
    {
        if (_stage >= 2 || ++_looks < reads)
        {
            return;
        }

        _stage++;
        _looks = 0;
        if (_stage == 2)
        {
            _reason = project.ScriptOf(repository)?.Reason;
            EndedAt = project.Now;
        }
    }

    public JsonObject Shown()
    {
        var whole = shown.DeepClone().AsObject();
        var status = _stage switch { 0 => "pending", 1 => "running", _ => _reason is null ? "succeeded" : "failed" };
        whole["status"] = status;
        whole["status_details"] = new JsonObject { ["reason"] = _stage < 2 ? status : _reason ?? "succeeded", ["git_commit_sha"] = commit };
        if (status == "succeeded")
        {
            whole["status_details"]!["output_digest"] = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(repository + commit)));
        }

        return whole;
    }
}
