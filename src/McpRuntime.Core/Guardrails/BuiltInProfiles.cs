namespace McpRuntime.Core.Guardrails;

/// <summary>The four profiles that are always there and never change but with a release.</summary>
public static class BuiltInProfiles
{
    public const string UnrestrictedName = "unrestricted";

    public const string StandardName = "standard";

    public const string RestrictedName = "restricted";

    public const string AirgappedName = "airgapped";

    private static readonly string[] Everywhere = ["docker", "ibm_code_engine", "kubernetes"];

    private static readonly string[] ContainerHosts = ["docker", "kubernetes"];

    public static GuardrailProfile Unrestricted { get; } = BuiltIn(
        UnrestrictedName,
        "Everything allowed: for servers that are trusted as the host itself is.",
        ContainerHosts,
        new GuardrailsConfig
        {
            Network = new(EgressAllowed: true, AllowedHosts: ["*"], IngressPorts: [8080]),
            Filesystem = new(ReadOnlyRoot: false, AllowedMounts: ["/"]),
            Capabilities = new(DropAll: false, Add: []),
            Resources = new(Cpu: "2", Memory: "2g"),
        });

    public static GuardrailProfile Standard { get; } = BuiltIn(
        StandardName,
        "The default: open egress, read-only root, no capabilities but NET_BIND_SERVICE.",
        Everywhere,
        new GuardrailsConfig
        {
            Network = new(EgressAllowed: true, AllowedHosts: [], IngressPorts: [8080]),
            Filesystem = new(ReadOnlyRoot: true, AllowedMounts: ["/data", "/cache"]),
            Capabilities = new(DropAll: true, Add: ["NET_BIND_SERVICE"]),
            Resources = new(Cpu: "0.5", Memory: "512m", MaxPids: 100),
            Seccomp = "runtime/default",
            Apparmor = "mcp-standard",
            Process = new(RunAsNonRoot: false, NoNewPrivileges: true),
        });

    public static GuardrailProfile Restricted { get; } = BuiltIn(
        RestrictedName,
        "No egress, no volumes, no capabilities, never root.",
        Everywhere,
        new GuardrailsConfig
        {
            Network = new(EgressAllowed: false, AllowedHosts: [], IngressPorts: [8080]),
            Filesystem = new(ReadOnlyRoot: true, AllowedMounts: []),
            Capabilities = new(DropAll: true, Add: []),
            Resources = new(Cpu: "0.25", Memory: "256m", MaxPids: 50),
            Seccomp = "runtime/default",
            Apparmor = "mcp-restricted",
            Process = new(RunAsNonRoot: true, NoNewPrivileges: true),
        });

    public static GuardrailProfile Airgapped { get; } = BuiltIn(
        AirgappedName,
        "As restricted, and no port but the MCP endpoint, which the gateway alone reaches.",
        ContainerHosts,
        new GuardrailsConfig
        {
            Network = new(EgressAllowed: false, AllowedHosts: [], IngressPorts: []),
            Filesystem = new(ReadOnlyRoot: true, AllowedMounts: []),
            Capabilities = new(DropAll: true, Add: []),
            Resources = new(Cpu: "0.25", Memory: "128m", MaxPids: 50),
            Seccomp = "runtime/default",
            Apparmor = "mcp-airgapped",
            Process = new(RunAsNonRoot: true, NoNewPrivileges: true),
        });

    public static IReadOnlyList<GuardrailProfile> All { get; } = [Unrestricted, Standard, Restricted, Airgapped];

    /// <summary>Null: not one of the four.</summary>
    public static GuardrailProfile? Find(string name) => All.FirstOrDefault(profile => profile.Name == name);

    private static GuardrailProfile BuiltIn(string name, string description, IReadOnlyList<string> recommended, GuardrailsConfig config) =>
        new(name, description, recommended, config, BuiltIn: true, Version: 1);
}
