using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;

namespace McpRuntime.Core.Specs;

/// <summary>One text for one meaning: keys in a fixed order, maps sorted, what has its default left out. Holds secrets: hashed, never kept.</summary>
/// <remarks>
/// Left out on purpose, since they say nothing of what runs: the profile's version (its content is here), the loosened fields
/// (derived), and the catalog entry's words and pictures.
/// </remarks>
internal static class CanonicalSpec
{
    public static string Of(RuntimeSpec spec, EffectiveGuardrails guardrails, string backend)
    {
        var form = new CanonicalObject()
            .Text("backend", backend)
            .Node("source", spec.Source.Match(Docker, GitHub, Compose))
            .Node("catalog", spec.Catalog is null ? null : Catalog(spec.Catalog))
            .Text("profile", spec.GuardrailsProfile)
            .Text("effective_profile", guardrails.Profile)
            .Node("guardrails", Guardrails(guardrails.Config))
            .Node("overrides", spec.GuardrailsOverrides is null ? null : Overrides(spec.GuardrailsOverrides))
            .Node("resources", Resources(spec.Resources))
            .Node("environment", Map(spec.Environment, value => value.Match(literal => "=" + literal.Value.Reveal(), reference => "@" + reference.Uri)))
            .List("volumes", spec.Volumes)
            .Flag("unregistered", !spec.RegisterGateway)
            .Text("gateway_name", spec.GatewayName)
            .Text("gateway_transport", spec.GatewayTransport is { } transport ? TransportWord.Of(transport) : null)
            .Number("endpoint_port", spec.EndpointPort)
            .Text("endpoint_path", spec.EndpointPath)
            .Text("visibility", Visibility(spec.Visibility))
            .Text("team_id", spec.TeamId)
            .List("tags", spec.Tags)
            .Node("metadata", Map(spec.Metadata, value => value));
        return form.ToString();
    }

    private static CanonicalObject Docker(Source.Docker source) =>
        new CanonicalObject().Text("type", source.Type).Text("image", source.Image).Sequence("command", source.Command);

    private static CanonicalObject GitHub(Source.GitHub source) => new CanonicalObject()
        .Text("type", source.Type)
        .Text("repo", source.Repo)
        .Text("ref", source.Ref)
        .Text("dockerfile", source.Dockerfile)
        .Text("context", source.Context)
        .Node("build_args", Map(source.BuildArgs, value => value))
        .Flag("push", source.PushToRegistry)
        .Text("registry", source.Registry);

    private static CanonicalObject Compose(Source.Compose source) => new CanonicalObject()
        .Text("type", source.Type)
        .Text("file", source.File)
        .Text("repo", source.Repo)
        .Text("ref", source.Ref)
        .Text("path", source.Path)
        .Text("main_service", source.MainService);

    private static CanonicalObject Catalog(CatalogEntry entry) => new CanonicalObject()
        .Text("id", entry.Id)
        .Text("origin", entry.Origin)
        .List("supported_backends", entry.SupportedBackends)
        .Text("guardrails_profile", entry.GuardrailsProfile)
        .Flag("requires_approval", entry.RequiresApproval)
        .Flag("disable_network", entry.DisableNetwork)
        .List("allowed_hosts", entry.AllowedHosts);

    private static CanonicalObject Guardrails(GuardrailsConfig config) => new CanonicalObject()
        .Flag("no_egress", !config.Network.EgressAllowed)
        .List("allowed_hosts", config.Network.AllowedHosts)
        .List("ingress_ports", config.Network.IngressPorts)
        .Flag("read_only_root", config.Filesystem.ReadOnlyRoot)
        .List("allowed_mounts", config.Filesystem.AllowedMounts)
        .Flag("drop_all", config.Capabilities.DropAll)
        .List("add", config.Capabilities.Add)
        .Text("cpu", config.Resources.Cpu)
        .Text("memory", config.Resources.Memory)
        .Number("max_pids", config.Resources.MaxPids)
        .Number("min_scale", config.Resources.MinScale)
        .Number("max_scale", config.Resources.MaxScale)
        .Number("timeout_seconds", config.Resources.TimeoutSeconds)
        .Text("seccomp", config.Seccomp)
        .Text("apparmor", config.Apparmor)
        .Flag("non_root", config.Process.RunAsNonRoot)
        .Flag("no_new_privileges", config.Process.NoNewPrivileges)
        .Flag("require_digest", config.Images.RequireDigest)
        .Text("mode", Mode(config.Mode));

    // As sent: an empty list in an override says something that its absence does not.
    private static CanonicalObject Overrides(GuardrailsOverrides overrides) => new CanonicalObject()
        .Sent("egress_allowed", overrides.Network?.EgressAllowed)
        .SentList("allowed_hosts", overrides.Network?.AllowedHosts)
        .SentList("ingress_ports", overrides.Network?.IngressPorts)
        .Sent("read_only_root", overrides.Filesystem?.ReadOnlyRoot)
        .SentList("allowed_mounts", overrides.Filesystem?.AllowedMounts)
        .Sent("drop_all", overrides.Capabilities?.DropAll)
        .SentList("add", overrides.Capabilities?.Add)
        .Node("resources", Resources(overrides.Resources))
        .Text("seccomp", overrides.Seccomp)
        .Text("apparmor", overrides.Apparmor)
        .Sent("non_root", overrides.Process?.RunAsNonRoot)
        .Sent("no_new_privileges", overrides.Process?.NoNewPrivileges)
        .Sent("require_digest", overrides.Images?.RequireDigest)
        .Text("mode", Mode(overrides.Mode));

    private static CanonicalObject? Resources(ResourceRequest? resources) => resources is null ? null : new CanonicalObject()
        .Text("cpu", resources.Cpu)
        .Text("memory", resources.Memory)
        .Number("max_pids", resources.MaxPids)
        .Number("min_scale", resources.MinScale)
        .Number("max_scale", resources.MaxScale)
        .Number("timeout_seconds", resources.TimeoutSeconds);

    private static CanonicalObject Map<T>(IReadOnlyDictionary<string, T> map, Func<T, string> text)
    {
        var sorted = new CanonicalObject();
        foreach (var (key, value) in map.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            sorted.Text(key, text(value));
        }

        return sorted;
    }

    // The default is left out.
    private static string? Visibility(Visibility visibility) => visibility switch
    {
        Specs.Visibility.Public => null,
        Specs.Visibility.Team => "team",
        Specs.Visibility.Private => "private",
    };

    private static string? Mode(GuardrailsMode? mode) => mode is { } asked ? Word(asked) : null;

    private static string Word(GuardrailsMode mode) => mode switch
    {
        GuardrailsMode.Warn => "warn",
        GuardrailsMode.Approve => "approve",
        GuardrailsMode.Refuse => "refuse",
    };
}
