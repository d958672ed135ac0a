using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>
/// The fields of an app that we set, or whose being set by somebody else would open it; canonical, so that what was asked and what is
/// live can be compared, whatever form and defaults the platform gives back.
/// </summary>
internal sealed record AppShape(IReadOnlyList<KeyValuePair<string, string>> Fields)
{
    /// <summary>Not a field that can be set: whether what runs is what is configured, or the revision before it.</summary>
    public const string Revision = "status_details.latest_ready_revision";

    /// <summary>Only tell of the others, or change without meaning anything.</summary>
    private static readonly string[] Outside = [CodeEngineNames.Shape, CodeEngineNames.Roll];

    public string Fingerprint(KeyedHash hash) => hash.Of("app\n" + CodeEngineNames.Canonical(Fields))[..32];

    /// <summary><c>field:hash</c> by field: enough to name what changed, too little to guess a value from (keyed).</summary>
    public string Legend(KeyedHash hash) => string.Join(',', Fields.Select(f => $"{f.Key}:{hash.Short(CodeEngineNames.Canonical([f]), 6)}"));

    public IReadOnlyList<string> DifferingFrom(string? legend, KeyedHash hash)
    {
        if (legend is null)
        {
            return [];
        }

        var then = legend.Split(',').ToHashSet(StringComparer.Ordinal);
        return [.. Legend(hash).Split(',').Where(now => !then.Contains(now)).Select(now => now[..now.IndexOf(':', StringComparison.Ordinal)])];
    }

    public IReadOnlyList<string> DifferingFrom(AppShape other) =>
        [.. Fields.Except(other.Fields).Concat(other.Fields.Except(Fields)).Select(f => f.Key).Distinct(StringComparer.Ordinal)];

    /// <param name="isCurrent">What runs is the revision that was made last.</param>
    public static AppShape Of(AppSettings app, bool isCurrent = true) => new(
    [
        new("image_reference", ImageReference.TryParse(app.ImageReference, out var image, out _) ? image.ToString() : app.ImageReference ?? ""),
        new("image_secret", app.ImageSecret ?? ""),
        new("image_port", CodeEngineNames.Text(app.ImagePort ?? 8080)),
        new("managed_domain_mappings", app.ManagedDomainMappings ?? "local_public"),
        new("probe_liveness", Probe(app.ProbeLiveness)),
        new("probe_readiness", Probe(app.ProbeReadiness)),
        new("run_arguments", CodeEngineNames.List(app.RunArguments ?? [])),
        new("run_as_user", CodeEngineNames.Text(app.RunAsUser ?? 0)),
        new("run_commands", CodeEngineNames.List(app.RunCommands ?? [])),
        new("run_compute_resource_token_enabled", app.RunComputeResourceTokenEnabled == true ? "true" : "false"),
        new("run_env_variables", CodeEngineNames.List((app.RunEnvVariables ?? []).Where(v => !Outside.Contains(v.Name, StringComparer.Ordinal)).Select(Variable).Order(StringComparer.Ordinal))),
        new("run_service_account", app.RunServiceAccount ?? "default"),
        new("run_volume_mounts", CodeEngineNames.List((app.RunVolumeMounts ?? []).Select(m => $"{m.Type}:{m.Reference}:{m.MountPath}").Order(StringComparer.Ordinal))),
        new("scale_concurrency", CodeEngineNames.Text(app.ScaleConcurrency ?? 100)),
        new("scale_cpu_limit", AppSize.MilliOf(app.ScaleCpuLimit ?? "1") is { } milli ? CodeEngineNames.Text(milli) : app.ScaleCpuLimit!),
        new("scale_ephemeral_storage_limit", AppSize.MegabytesOf(app.ScaleEphemeralStorageLimit ?? "400M") is { } disk ? CodeEngineNames.Text(disk) : app.ScaleEphemeralStorageLimit!),
        new("scale_max_instances", CodeEngineNames.Text(app.ScaleMaxInstances ?? 10)),
        new("scale_memory_limit", AppSize.MegabytesOf(app.ScaleMemoryLimit ?? "4G") is { } memory ? CodeEngineNames.Text(memory) : app.ScaleMemoryLimit!),
        new("scale_min_instances", CodeEngineNames.Text(app.ScaleMinInstances ?? 0)),
        new("scale_request_timeout", CodeEngineNames.Text(app.ScaleRequestTimeout ?? 300)),
        new(Revision, isCurrent ? "latest" : "older"),
    ]);

    /// <summary>What brings a live app to <paramref name="asked"/>: only the differing fields, since every change makes a revision.</summary>
    public static JsonObject Patch(AppCreate asked, IEnumerable<string> differing)
    {
        var whole = JsonSerializer.SerializeToNode(asked, CodeEngineJson.Default.AppCreate)!.AsObject();
        var patch = new JsonObject();
        foreach (var field in differing.Where(f => f != Revision))
        {
            // Null removes: what we do not set must not be there.
            patch[field] = whole[field]?.DeepClone();
        }

        return patch;
    }

    /// <summary>Only the parts that we set: the platform fills in others.</summary>
    private static string Probe(Probe? probe) => probe is null ? "" : string.Join(':', probe.Type, probe.Port, probe.Path, probe.Interval, probe.Timeout, probe.FailureThreshold);

    private static string Variable(Variable v) => CodeEngineNames.List([v.Type ?? "literal", v.Name ?? "", v.Value ?? "", v.Reference ?? "", v.Key ?? "", v.Prefix ?? ""]);
}
