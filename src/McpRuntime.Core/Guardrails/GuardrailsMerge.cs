using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Guardrails;

/// <summary>effective = profile ← overrides ← resources. Objects merge; lists and scalars replace; null keeps the profile's.</summary>
public static class GuardrailsMerge
{
    public static GuardrailsConfig Merge(GuardrailsConfig profile, GuardrailsOverrides? overrides, ResourceRequest? resources = null) => Normalise(new GuardrailsConfig
    {
        Network = Network(profile.Network, overrides?.Network),
        Filesystem = new(
            overrides?.Filesystem?.ReadOnlyRoot ?? profile.Filesystem.ReadOnlyRoot,
            overrides?.Filesystem?.AllowedMounts ?? profile.Filesystem.AllowedMounts),
        Capabilities = new(
            overrides?.Capabilities?.DropAll ?? profile.Capabilities.DropAll,
            overrides?.Capabilities?.Add ?? profile.Capabilities.Add),
        Resources = Resources(Resources(profile.Resources, overrides?.Resources), resources),
        Seccomp = overrides?.Seccomp ?? profile.Seccomp,
        Apparmor = overrides?.Apparmor ?? profile.Apparmor,
        Process = new(
            overrides?.Process?.RunAsNonRoot ?? profile.Process.RunAsNonRoot,
            overrides?.Process?.NoNewPrivileges ?? profile.Process.NoNewPrivileges),
        Images = new(overrides?.Images?.RequireDigest ?? profile.Images.RequireDigest),
        Mode = overrides?.Mode ?? profile.Mode,
    });

    /// <summary>Nothing was sent: an object full of nulls is no override.</summary>
    public static bool IsEmpty(GuardrailsOverrides? overrides) => overrides is null || overrides with
    {
        Network = Sent(overrides.Network, new NetworkOverrides(null, null, null)),
        Filesystem = Sent(overrides.Filesystem, new FilesystemOverrides(null, null)),
        Capabilities = Sent(overrides.Capabilities, new CapabilityOverrides(null, null)),
        Resources = Sent(overrides.Resources, new ResourceRequest(null, null, null, null, null, null)),
        Process = Sent(overrides.Process, new ProcessOverrides(null, null)),
        Images = Sent(overrides.Images, new ImageOverrides(null)),
    } == new GuardrailsOverrides();

    /// <summary>The same meaning in one form: sets sorted and without doubles, hosts in lower case, capabilities without <c>CAP_</c>, paths without an end slash.</summary>
    public static GuardrailsConfig Normalise(GuardrailsConfig config) => config with
    {
        Network = new(
            config.Network.EgressAllowed,
            Set(config.Network.AllowedHosts.Select(h => h.ToLowerInvariant())),
            [.. config.Network.IngressPorts.Distinct().Order()]),
        Filesystem = new(
            config.Filesystem.ReadOnlyRoot,
            Set(config.Filesystem.AllowedMounts.Select(m => ContainerPath.TryParse(m, out var path, out _) ? path.Value : m))),
        Capabilities = new(config.Capabilities.DropAll, Set(config.Capabilities.Add.Select(LinuxCapabilities.Normalise))),
    };

    // Egress is one value: closing it closes the profile's host list with it, while hosts that the caller sent beside "false" stay, to be refused.
    private static NetworkGuardrails Network(NetworkGuardrails profile, NetworkOverrides? overrides) => new(
        overrides?.EgressAllowed ?? profile.EgressAllowed,
        overrides?.AllowedHosts ?? (overrides?.EgressAllowed == false ? [] : profile.AllowedHosts),
        overrides?.IngressPorts ?? profile.IngressPorts);

    private static ResourceGuardrails Resources(ResourceGuardrails below, ResourceRequest? above) => new(
        above?.Cpu ?? below.Cpu,
        above?.Memory ?? below.Memory,
        above?.MaxPids ?? below.MaxPids,
        above?.MinScale ?? below.MinScale,
        above?.MaxScale ?? below.MaxScale,
        above?.TimeoutSeconds ?? below.TimeoutSeconds);

    private static T? Sent<T>(T? value, T empty)
        where T : class => value is null || value.Equals(empty) ? null : value;

    private static string[] Set(IEnumerable<string> values) => [.. values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
}
