using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Contract;

internal static class Given
{
    public static readonly GuardrailsConfig Standard = new()
    {
        Network = new NetworkGuardrails(EgressAllowed: true, [], [8080]),
        Filesystem = new FilesystemGuardrails(ReadOnlyRoot: true, ["/data", "/cache"]),
        Capabilities = new CapabilityGuardrails(DropAll: true, ["NET_BIND_SERVICE"]),
        Resources = new ResourceGuardrails("0.5", "64m", 100),
        Seccomp = "runtime/default",
        Apparmor = "mcp-standard",
        Process = new ProcessGuardrails(RunAsNonRoot: false, NoNewPrivileges: true),
    };

    public static readonly GuardrailsConfig Restricted = Standard with
    {
        Network = new NetworkGuardrails(EgressAllowed: false, [], [8080]),
        Filesystem = new FilesystemGuardrails(ReadOnlyRoot: true, []),
        Capabilities = new CapabilityGuardrails(DropAll: true, []),
        Resources = new ResourceGuardrails("0.25", "32m", 50),
        Process = new ProcessGuardrails(RunAsNonRoot: true, NoNewPrivileges: true),
    };

    public static readonly GuardrailsConfig Unrestricted = new()
    {
        Network = new NetworkGuardrails(EgressAllowed: true, ["*"], [8080]),
        Filesystem = new FilesystemGuardrails(ReadOnlyRoot: false, ["/"]),
        Resources = new ResourceGuardrails("2", "2g"),
    };

    public static RuntimeIdentity Identity(string instance) => new(instance, "0" + Guid.NewGuid().ToString("N")[..25]);

    public static Revision Revision(
        string image, GuardrailsConfig? guardrails = null, ResolvedFacts? facts = null, IReadOnlyList<string>? command = null, IReadOnlyList<string>? volumes = null, int? port = null, long generation = 1) => new()
    {
        Generation = generation,
        Spec = new RuntimeSpec { Source = new Source.Docker(image, command), GuardrailsProfile = "standard", Volumes = volumes ?? [], EndpointPort = port },
        Guardrails = new EffectiveGuardrails("standard", 1, guardrails ?? Standard, []),
        State = RevisionState.Admitted,
        Facts = facts,
        ContentHash = "",
    };

    public static CompileInput Input(RuntimeIdentity id, Revision revision, KeyedHash hash, IReadOnlyDictionary<string, SecretText>? environment = null, long restart = 0, bool keepVolumes = false) =>
        new(id, "name", revision, restart, keepVolumes, environment ?? new Dictionary<string, SecretText>(StringComparer.Ordinal), hash);

    public static IReadOnlyList<SeenResource> Resources(this ProviderView view) => view.Match(known => known.Resources, unknown => throw new AssertionException($"Unknown: {unknown.Fault}"));

    public static void ShouldBeDone(this Outcome outcome) => outcome.Should().BeOfType<Outcome.Done>(because: outcome.Match(_ => "", p => p.Message, f => f.Fault.ToString()));

    public static Fault ShouldBeFault(this Outcome outcome) => outcome.Should().BeOfType<Outcome.Faulted>().Subject.Fault;
}
