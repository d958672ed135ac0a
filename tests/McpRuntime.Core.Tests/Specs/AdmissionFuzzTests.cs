using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Core.Tests.Guardrails;
using static McpRuntime.Core.Tests.Specs.Requests;

namespace McpRuntime.Core.Tests.Specs;

internal sealed class AdmissionFuzzTests
{
    private const string Canary = "canary-7f3a";

    [Test]
    public void Ten_thousand_hostile_requests_are_admitted_or_explained_and_no_value_is_told()
    {
        var passed = 0;
        Seeded.Times(10_000, random => passed += Judge(random));
        passed.Should().BeInRange(500, 9_500, "a test that sees only one side proves nothing");
    }

    private static int Judge(Random random)
    {
        var request = Request(random);
        var caller = new Caller("eve", random.Pick(Roles.Operator, Roles.Admin), ["blue"], random.Pick("rest", "crd:c", "git:g", "system"));
        var context = Context(caller, random.Chance() ? Policy : null, random.Pick(GuardrailsMode.Warn, GuardrailsMode.Approve, GuardrailsMode.Refuse), random.Chance(0.8) ? [] : [new ControlReport(Control.Pids, ControlOutcome.Weakened)])
            .With(Entry() with { GuardrailsProfile = random.Pick(null, "restricted", "gone"), DisableNetwork = random.Chance(0.2) });

        var result = Admission.Admit(request, context);

        (result.Admitted is null).Should().Be(result.Errors.Count > 0);
        foreach (var error in result.Errors)
        {
            (error.Path.Length is > 0 and < 300 && error.Message.Length is > 5 and < 1500).Should().BeTrue(error.ToString());
            (error.Path + error.Message).Should().NotContainAny("\0", "\n", "\u001b", "\u202e");
            (error.Path + error.Message).Should().NotContain(Canary);
        }

        if (result.Admitted is { } admitted)
        {
            var hash = SpecHash.Of(admitted.Spec, admitted.Guardrails, admitted.Backend, new KeyedHash(new byte[32]));
            var again = Admission.Admit(request, context).Admitted!;
            SpecHash.Of(again.Spec, again.Guardrails, again.Backend, new KeyedHash(new byte[32])).Should().Be(hash);
        }

        return result.Admitted is null ? 0 : 1;
    }

    private static DeployRequest Request(Random random)
    {
        string? Odd(params string[] good) => random.Chance(0.85) ? random.Pick<string>(good) : random.Chance(0.2) ? null : Hostile.Text(random, good);
        return new DeployRequest
        {
            Name = Odd("weather", "weather.tools"),
            Backend = Odd("docker", "ibm_code_engine"),
            Source = random.Chance(0.1) ? null : new SourceRequest { Type = Odd("docker", "docker", "docker", "github"), Image = random.Chance(0.1) ? null : Odd("nginx:1"), Command = random.Chance(0.9) ? null : [Odd("a")!, null!] },
            CatalogServerId = random.Chance(0.8) ? null : Odd("acme/weather"),
            GuardrailsProfile = random.Chance() ? null : Odd("standard", "restricted", "unrestricted"),
            GuardrailsOverrides = random.Chance(0.7) ? null : Overrides(random, Odd),
            Resources = random.Chance(0.7) ? null : new(Odd("0.5"), Odd("64m"), random.Chance() ? null : random.Next(-1, 200), random.Chance() ? null : random.Next(-1, 5), random.Chance() ? null : random.Next(-1, 5), null),
            Environment = random.Chance() ? null : new Dictionary<string, SecretText>(StringComparer.Ordinal)
            {
                [Odd("A") ?? "B"] = new(Canary),
                ["C" + random.Next(3)] = random.Chance(0.05) ? null! : new(Odd("x", "secret://env/MCPSECRET_X", "secret://file/x") + (random.Chance(0.1) ? "\0" + Canary : "")),
            },
            Volumes = random.Chance(0.7) ? null : [Odd("/data", "/cache/x")!],
            RegisterGateway = random.Chance(),
            GatewayName = random.Chance(0.8) ? null : Odd("w"),
            GatewayTransport = random.Chance(0.8) ? null : Odd("SSE", "stdio"),
            EndpointPort = random.Chance(0.8) ? null : random.Next(-1, 70_000),
            EndpointPath = random.Chance(0.8) ? null : Odd("/mcp"),
            Visibility = random.Chance(0.8) ? null : Odd("public", "team", "private"),
            TeamId = random.Chance(0.8) ? null : Odd("blue"),
            Tags = random.Chance(0.8) ? null : [Odd("t")!],
            Metadata = random.Chance(0.8) ? null : new Dictionary<string, string>(StringComparer.Ordinal) { [Odd("k") ?? "k"] = Odd("v")! },
        };
    }

    private static GuardrailsOverrides Overrides(Random random, Func<string[], string?> odd)
    {
        var overrides = RandomGuardrails.Overrides(random);
        return random.Chance()
            ? overrides
            : overrides with
            {
                Network = new(random.Chance(), [odd(["a.com", "*.b.com"])!], [random.Next(-1, 70_000)]),
                Filesystem = new(null, [odd(["/data"])!]),
                Capabilities = new(null, [odd(["NET_RAW", "ALL"])!]),
                Seccomp = odd(["runtime/default"]),
            };
    }
}
