using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Docker;

/// <summary>
/// What the report calls Enforced is in what is compiled, for guardrails and engines of every kind. The expectation is written from what
/// each control means; the compiler is not asked.
/// </summary>
public sealed class ReportPropertyTests
{
    private const int Cases = 20_000;
    private const int Seed = 20261125;

    private static readonly DockerOptions Options = new() { ApparmorProfiles = ["mcp-standard"], SeccompProfiles = new Dictionary<string, string>(StringComparer.Ordinal) { ["tight"] = """{"defaultAction":"SCMP_ACT_ERRNO"}""" } };
    private static readonly KeyedHash Hash = new(new byte[32]);
    private static readonly RuntimeIdentity Id = new("installation", "01jd0000000000000000000abc");

    [Test]
    public void The_report_never_claims_more_than_is_compiled()
    {
        var (enforced, refused) = (0, 0);
        for (var seed = Seed; seed < Seed + Cases; seed++)
        {
            var random = new Random(seed);
            var guardrails = Guardrails(random);
            var engine = Engine(random);
            var user = Pick(random, "", "root", "0", "node", "1000");
            var facts = new ResolvedFacts("docker.io/acme/server@sha256:" + new string('2', 64), true, null, new ImageFacts("sha256:1", user, [8080], [], ["/entry"], [], "amd64"));
            var report = new DockerControls(Options).Report(guardrails, engine);
            var compiled = new DockerCompiler(Options).Compile(Given.Input(Id, Given.Revision("docker.io/acme/server:1", guardrails, facts), Hash), report);

            report.Select(r => r.Control).Should().Equal(Enum.GetValues<Control>(), "every control is told of");
            if (report.Any(r => r.Outcome == ControlOutcome.Refused))
            {
                compiled.Refused.Should().NotBeNull($"seed {seed}: a refused control runs nothing");
                compiled.Running.Should().BeEmpty();
                refused++;
                continue;
            }

            foreach (var claim in report.Where(r => r.Outcome == ControlOutcome.Enforced))
            {
                Holds(claim.Control, compiled, guardrails, engine, user).Should().BeTrue($"seed {seed}: the report says that {claim.Control} is enforced at {claim.Where}");
                enforced++;
            }
        }

        (enforced, refused).Should().Match<(int Enforced, int Refused)>(c => c.Enforced > Cases && c.Refused > 100, "both kinds were met");
    }

    private static bool Holds(Control control, Compiled compiled, GuardrailsConfig asked, EngineInfo? engine, string user)
    {
        var body = (ContainerBody)compiled.Running.Single(r => r.Kind == ResourceKind.Container).Body;
        var host = body.Create.HostConfig;
        var network = ((NetworkBody)compiled.Running.Single(r => r.Kind == ResourceKind.Network).Body).Shape;
        var closed = network.Internal && network.Options["com.docker.network.bridge.inhibit_ipv4"] == "true";
        var policies = compiled.Running.Where(r => r.Kind == ResourceKind.GuardPolicy).Select(r => ((GuardPolicyBody)r.Body).Way.Hosts).ToArray();
        var security = host.SecurityOpt ?? [];
        return control switch
        {
            Control.Egress => closed && (asked.Network.EgressAllowed || policies.Length == 0),
            Control.AllowedHosts => closed && policies is [var hosts] && hosts.ToHashSet(StringComparer.Ordinal).SetEquals(asked.Network.AllowedHosts)
                && (host.CapDrop is ["ALL"] || (host.CapDrop?.Contains("NET_RAW") ?? false)),
            Control.HostPorts or Control.Metadata => closed,
            Control.Ingress => host.PortBindings is null && !host.PublishAllPorts,
            Control.Peers => closed || network.Options["com.docker.network.bridge.enable_icc"] == "false",
            Control.Dns => host.Dns is { Count: > 0 },
            Control.ReadOnlyRoot => host.ReadonlyRootfs && host.Tmpfs!.Values.All(t => t.Contains("noexec", StringComparison.Ordinal) && t.Contains("nosuid", StringComparison.Ordinal)),
            Control.Mounts => host.Binds is null && (host.Mounts ?? []).All(m => m.Type == "volume"),
            Control.DropCapabilities => host.CapDrop is ["ALL"] && !host.Privileged,
            Control.AddCapabilities => host.CapAdd!.SequenceEqual(asked.Capabilities.Add),
            Control.Cpu => host.NanoCpus > 0 && engine is null or { CpuCfsPeriod: true, CpuCfsQuota: true },
            Control.Memory => host.Memory > 0 && host.MemorySwap == host.Memory && engine is null or { MemoryLimit: true, SwapLimit: true },
            Control.Pids => host.PidsLimit == asked.Resources.MaxPids && engine is null or { PidsLimit: true },
            Control.Seccomp => engine?.SecurityOptions?.Any(o => o.Contains("seccomp", StringComparison.Ordinal)) != false
                && (asked.Seccomp == "tight" ? security.Contains("seccomp=" + Options.SeccompProfiles["tight"], StringComparer.Ordinal)
                    : !security.Any(o => o.StartsWith("seccomp", StringComparison.Ordinal)) && engine?.SecurityOptions?.Contains("name=seccomp,profile=unconfined", StringComparer.Ordinal) != true),
            Control.Apparmor => security.Contains($"apparmor={asked.Apparmor}", StringComparer.Ordinal) && engine!.SecurityOptions!.Contains("name=apparmor", StringComparer.Ordinal),
            Control.NoNewPrivileges => security.Contains("no-new-privileges:true", StringComparer.Ordinal),
            // A name may be root's in the image: then it is looked up before the first start.
            Control.NonRoot => (body.Create.User ?? user) is not ("" or "root" or "0") && (body.Create.User is not null || user == "1000" || body.MustNotBeRoot),
            Control.RequireDigest => body.Create.Image.Contains("@sha256:", StringComparison.Ordinal),
            Control.AllowedRegistries => true,
            Control.SecretsAtRest or Control.Timeout or Control.Scale => false,
        };
    }

    private static GuardrailsConfig Guardrails(Random random)
    {
        string[] hosts = Chance(random) ? [] : Pick<string[]>(random, ["a.example.org"], ["*.example.org", "b.example.org:8443"], ["*"]);
        return new GuardrailsConfig
        {
            Network = new NetworkGuardrails(hosts.Length > 0 || Chance(random), hosts, [8080]),
            Filesystem = new FilesystemGuardrails(Chance(random), Pick<string[]>(random, [], ["/data"], ["/"])),
            Capabilities = new CapabilityGuardrails(Chance(random), Pick<string[]>(random, [], ["CHOWN"], ["NET_BIND_SERVICE", "KILL"])),
            Resources = new ResourceGuardrails(Pick(random, null, "0.5", "250m"), Pick(random, null, "64m"), Pick<int?>(random, null, 50), null, Pick<int?>(random, null, null, null, 2), Pick<int?>(random, null, null, null, 30)),
            Seccomp = Pick(random, null, "runtime/default", "runtime/default", "tight", "tight", "unconfined", Chance(random, 0.2) ? "unknown" : null),
            Apparmor = Pick(random, null, "mcp-standard", "mcp-restricted", "unconfined"),
            Process = new ProcessGuardrails(Chance(random), Chance(random)),
            Images = new ImageGuardrails(Chance(random, 0.2)),
            Mode = Pick<GuardrailsMode?>(random, null, null, GuardrailsMode.Warn, GuardrailsMode.Approve, GuardrailsMode.Refuse),
        };
    }

    private static EngineInfo? Engine(Random random) => Chance(random, 0.2)
        ? null
        : new EngineInfo
        {
            CpuCfsPeriod = Chance(random, 0.8),
            CpuCfsQuota = Chance(random, 0.8),
            MemoryLimit = Chance(random, 0.8),
            SwapLimit = Chance(random, 0.8),
            PidsLimit = Chance(random, 0.8),
            SecurityOptions = Pick<string[]?>(random, null, [], ["name=seccomp,profile=default"], ["name=seccomp,profile=default", "name=apparmor"], ["name=seccomp,profile=unconfined", "name=apparmor"]),
        };

    private static bool Chance(Random random, double probability = 0.5) => random.NextDouble() < probability;

    private static T Pick<T>(Random random, params T[] from) => from[random.Next(from.Length)];
}
