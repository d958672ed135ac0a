using McpRuntime.Core.Approvals;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;
using McpRuntime.Core.Tests.Guardrails;
using McpRuntime.Core.Tests.Specs;

namespace McpRuntime.Core.Tests.Approvals;

internal sealed class ApprovalTriggersTests
{
    private static readonly ApprovalQuestion Quiet = new(
        Requests.Policy,
        new Source.Docker("docker.io/library/nginx:1", null),
        [Image("nginx:1")],
        new EffectiveGuardrails("standard", 1, BuiltInProfiles.Standard.Config, []),
        Catalog: null,
        Report: [],
        GuardrailsMode.Warn,
        BuiltInProfiles.Find);

    [Test]
    public void Standard_never_triggers() => ApprovalTriggers.Of(Quiet).Should().BeEmpty();

    [Test]
    public void Each_rule_triggers_by_itself_and_all_that_hold_are_told()
    {
        ApprovalQuestion[] questions =
        [
            Quiet with { Policy = Quiet.Policy with { RequiredSourceTypes = ["docker"] } },
            Quiet with { Guardrails = Quiet.Guardrails with { Profile = "unrestricted" } },
            Quiet with { Images = [Image("nginx"), Image("docker.io/mcp-evil/x")] },
            Quiet with { Catalog = Requests.Entry() with { RequiresApproval = true } },
            Quiet with { Guardrails = Quiet.Guardrails with { Loosened = ["resources.cpu"] } },
            Quiet with { Mode = GuardrailsMode.Approve, Report = [new(Control.Pids, ControlOutcome.Weakened)] },
        ];
        string[] rules = ["source_type", "guardrails_profile", "registry", "catalog", "loosened", "weakened"];
        questions.Select(q => ApprovalTriggers.Of(q).Should().ContainSingle().Subject.Rule).Should().Equal(rules);

        var all = questions[1] with
        {
            Policy = questions[0].Policy,
            Images = questions[2].Images,
            Catalog = questions[3].Catalog,
            Guardrails = questions[1].Guardrails with { Loosened = ["x"] },
            Mode = GuardrailsMode.Approve,
            Report = questions[5].Report,
        };
        ApprovalTriggers.Of(all).Select(t => t.Rule).Should().Equal(rules);
    }

    [Test]
    public void A_renamed_copy_of_a_required_profile_does_not_slip_by() => Seeded.Times(5_000, random =>
    {
        var copy = BuiltInProfiles.Unrestricted.Config;
        copy = random.Chance() ? copy with { Resources = new("0.1", "64m", random.Chance() ? null : 10) } : copy;
        copy = random.Chance() ? copy with { Filesystem = new(random.Chance(), ["/data"]) } : copy;
        copy = random.Chance() ? copy with { Capabilities = new(true, []) } : copy;
        copy = random.Chance() ? copy with { Process = new(true, random.Chance()) } : copy;
        copy = random.Chance() ? copy with { Seccomp = "runtime/default", Apparmor = random.Pick(null, "mcp-standard") } : copy;

        var open = copy.Resources.MaxPids is null || !copy.Filesystem.ReadOnlyRoot || copy.Filesystem.AllowedMounts.Contains("/") || !copy.Capabilities.DropAll || !copy.Process.NoNewPrivileges || copy.Seccomp is null || copy.Apparmor is null;
        ApprovalTriggers.Of(Quiet with { Guardrails = new("copy", 1, copy, []) }).Any(t => t.Rule == "guardrails_profile").Should().Be(open);
    });

    [Test]
    public void Nothing_within_standard_triggers_by_its_content() => Seeded.Times(5_000, random =>
    {
        var config = BuiltInProfiles.Standard.Config;
        for (var i = random.Next(5); i > 0; i--)
        {
            config = RandomGuardrails.Tighten(random, config);
        }

        ApprovalTriggers.Of(Quiet with { Guardrails = new("own", 1, config, []) }).Should().BeEmpty();
    });

    [Test]
    public void Images_that_are_not_known_yet_trigger_unless_all_are_allowed()
    {
        ApprovalTriggers.Of(Quiet with { Images = null }).Should().ContainSingle().Which.Rule.Should().Be("registry");
        ApprovalTriggers.Of(Quiet with { Images = null, Policy = Quiet.Policy with { RegistryAllowlist = ["*"] } }).Should().BeEmpty();
    }

    [TestCase("docker.io/mcp/guarded:2", true)]
    [TestCase("mcp/guarded@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", true)]
    [TestCase("docker.io/mcp/guarded-not:1", false)]
    [TestCase("docker.io/mcp/other:1", false)]
    public void What_an_entry_asks_for_of_its_image_it_asks_for_whoever_names_it(string image, bool waits)
    {
        var guarded = Requests.Entry("acme/guarded", CatalogEntry.LocalOrigin) with { RequiresApproval = true, Source = new SourceRequest { Type = "docker", Image = "mcp/guarded:1" } };
        var question = Quiet with { Source = new Source.Docker(image, null), Images = [Image(image)], Entries = [guarded] };

        ApprovalTriggers.Of(question).Any(trigger => trigger.Rule == "catalog").Should().Be(waits);
        ApprovalTriggers.Of(question with { Catalog = guarded with { Id = "elsewhere/same", Origin = "https://catalog.example", RequiresApproval = false } })
            .Any(trigger => trigger.Rule == "catalog").Should().Be(waits, "somebody else's entry is no way past ours");
        ApprovalTriggers.Of(question with { Catalog = guarded with { Id = "acme/excepted", RequiresApproval = false } }).Should().BeEmpty("an entry of ours that asks for none is an admin's exception");
    }

    [TestCase("https://github.com/Acme/guarded.git", true)]
    [TestCase("https://github.com/acme/guarded", true)]
    [TestCase("https://github.com:443/acme/guarded", true)]
    [TestCase("https://github.com/acme/guarded-not", false)]
    [TestCase("https://github.com:8443/acme/guarded", false)]
    public void The_same_of_a_repository(string repo, bool waits)
    {
        var guarded = Requests.Entry("acme/guarded", CatalogEntry.LocalOrigin) with { RequiresApproval = true, Source = new SourceRequest { Type = "github", Repo = "https://github.com/acme/guarded/" } };
        var source = new Source.GitHub(repo, "main", "Dockerfile", ".", new Dictionary<string, string>(StringComparer.Ordinal), PushToRegistry: false, Registry: null);

        ApprovalTriggers.Of(Quiet with { Source = source, Images = null, Entries = [guarded] }).Any(trigger => trigger.Rule == "catalog").Should().Be(waits);
    }

    [Test]
    public void A_profile_that_has_moved_on_is_held_against_what_it_was_and_not_against_itself() => Seeded.Times(5_000, random =>
    {
        var (before, after) = (RandomGuardrails.Config(random), RandomGuardrails.Config(random));
        var loosened = GuardrailsOrder.Loosened(after, before);

        var trigger = ApprovalTriggers.Since(new("p", 1, before, []), new("p", 2, after, []), GuardrailsMode.Warn);

        (trigger is not null).Should().Be(loosened.Count > 0);
        loosened.All(field => trigger!.Detail.Contains(field, StringComparison.Ordinal)).Should().BeTrue();
        ApprovalTriggers.Since(new("p", 2, before, []), new("p", 2, after, []), GuardrailsMode.Warn).Should().BeNull("what the caller changes is held against the baseline");
        ApprovalTriggers.Since(new("q", 1, before, []), new("p", 2, after, []), GuardrailsMode.Warn).Should().BeNull();
        ApprovalTriggers.Since(new("p", 1, before, []), new("p", 2, RandomGuardrails.Tighten(random, before), []), GuardrailsMode.Warn).Should().BeNull();
    });

    [Test]
    public void A_weakened_control_triggers_in_mode_approve_alone()
    {
        var weakened = Quiet with { Report = [new(Control.Pids, ControlOutcome.Weakened)] };
        ApprovalTriggers.Of(weakened).Should().BeEmpty();
        ApprovalTriggers.Of(weakened with { Mode = GuardrailsMode.Approve, Report = [new(Control.Apparmor, ControlOutcome.Unavailable)] }).Should().BeEmpty();
    }

    private static ImageReference Image(string text)
    {
        ImageReference.TryParse(text, out var image, out var error).Should().BeTrue(error);
        return image!;
    }
}
