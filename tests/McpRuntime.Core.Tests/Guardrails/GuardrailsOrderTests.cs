using System.Reflection;
using System.Text.Json;
using McpRuntime.Core.Guardrails;

namespace McpRuntime.Core.Tests.Guardrails;

internal sealed class GuardrailsOrderTests
{
    [Test]
    public void Every_field_of_a_config_is_in_the_order()
    {
        List<string> leaves = [];
        Walk(typeof(GuardrailsConfig), "", leaves);
        leaves.Remove("network.egress_allowed");
        leaves.Remove("network.allowed_hosts");
        leaves.Add("network.egress");

        GuardrailsOrder.Fields.Select(f => f.Name).Should().BeEquivalentTo(leaves);
    }

    [TestCase("airgapped", "restricted")]
    [TestCase("restricted", "standard")]
    [TestCase("standard", "unrestricted")]
    [TestCase("airgapped", "unrestricted")]
    public void The_built_in_profiles_are_each_within_the_one_before(string tighter, string looser) =>
        GuardrailsOrder.Loosened(BuiltInProfiles.Find(tighter)!.Config, BuiltInProfiles.Find(looser)!.Config).Should().BeEmpty();

    [Test]
    public void Unrestricted_is_looser_than_standard_in_each_field_that_the_table_opens() =>
        GuardrailsOrder.Loosened(BuiltInProfiles.Unrestricted.Config, BuiltInProfiles.Standard.Config).Should().BeEquivalentTo(
            "filesystem.read_only_root", "filesystem.allowed_mounts", "capabilities.drop_all", "resources.cpu", "resources.memory", "resources.max_pids", "seccomp", "apparmor", "process.no_new_privileges");

    [Test]
    public void A_config_is_within_itself() => Seeded.Times(2_000, random =>
    {
        var config = RandomGuardrails.Config(random);
        GuardrailsOrder.Loosened(config, config).Should().BeEmpty();
    });

    [Test]
    public void Within_is_transitive() => Seeded.Times(20_000, random =>
    {
        var c = RandomGuardrails.Config(random);
        var b = random.Chance() ? RandomGuardrails.Tighten(random, c) : RandomGuardrails.Config(random);
        var a = random.Chance() ? RandomGuardrails.Tighten(random, b) : RandomGuardrails.Config(random);
        if (GuardrailsOrder.Loosened(a, b).Count == 0 && GuardrailsOrder.Loosened(b, c).Count == 0)
        {
            GuardrailsOrder.Loosened(a, c).Should().BeEmpty();
        }
    });

    [Test]
    public void Tightening_is_never_taken_for_loosening() => Seeded.Times(20_000, random =>
    {
        var baseline = RandomGuardrails.Config(random);
        var tightened = baseline;
        for (var i = random.Next(1, 6); i > 0; i--)
        {
            tightened = RandomGuardrails.Tighten(random, tightened);
        }

        Facts.Of(tightened).Should().BeSubsetOf(Facts.Of(baseline), "the change really is a tightening");
        GuardrailsOrder.Loosened(GuardrailsMerge.Normalise(tightened), baseline).Should().BeEmpty();
    });

    [Test]
    public void No_chain_of_overrides_copies_and_renames_is_looser_without_being_listed() => Seeded.Times(25_000, random =>
    {
        var baseline = random.Pick(BuiltInProfiles.All).Config;
        var effective = random.Chance() ? baseline : random.Pick(BuiltInProfiles.All).Config;
        for (var i = random.Next(6); i >= 0; i--)
        {
            effective = random.Next(3) switch
            {
                // A copy under another name, through the form in which it is stored.
                0 => JsonSerializer.Deserialize<GuardrailsConfig>(JsonSerializer.Serialize(effective, GuardrailsJson.Options), GuardrailsJson.Options)!,
                1 => GuardrailsMerge.Merge(effective, RandomGuardrails.Overrides(random), RandomGuardrails.Resources(random)),
                _ => RandomGuardrails.Tighten(random, effective),
            };
        }

        if (!Facts.Of(effective).IsSubsetOf(Facts.Of(baseline)))
        {
            GuardrailsOrder.Loosened(effective, baseline).Should().NotBeEmpty();
        }
    });

    [Test]
    public void A_null_mode_is_the_installations()
    {
        var asks = new GuardrailsConfig { Mode = GuardrailsMode.Warn };
        var silent = new GuardrailsConfig();
        GuardrailsOrder.Loosened(asks, silent, GuardrailsMode.Refuse).Should().Equal("mode");
        GuardrailsOrder.Loosened(asks, silent, GuardrailsMode.Warn).Should().BeEmpty();
        GuardrailsOrder.Loosened(silent, asks, GuardrailsMode.Refuse).Should().BeEmpty();
    }

    [Test]
    public void Opening_closed_egress_is_named_after_the_switch_and_more_hosts_after_the_list()
    {
        var closed = new GuardrailsConfig { Network = new(false) };
        var one = new GuardrailsConfig { Network = new(true, ["a.com"]) };
        var two = new GuardrailsConfig { Network = new(true, ["a.com", "b.com"]) };
        GuardrailsOrder.Loosened(one, closed).Should().Equal("network.egress_allowed");
        GuardrailsOrder.Loosened(two, one).Should().Equal("network.allowed_hosts");
        GuardrailsOrder.Loosened(new(), two).Should().Equal("network.allowed_hosts");
    }

    [TestCase("*.example.com", "a.example.com", true)]
    [TestCase("*.example.com", "example.com", false)]
    [TestCase("*.example.com", "evilexample.com", false)]
    [TestCase("*.example.com", "*.a.example.com", true)]
    [TestCase("a.example.com", "*.example.com", false)]
    [TestCase("a.com", "a.com:443", true)]
    [TestCase("a.com:443", "a.com", false)]
    [TestCase("a.com", "a.com:8443", false)]
    [TestCase("*.example.com", "a.example.com:22", false)]
    [TestCase("A.com", "a.com", true)]
    public void A_host_entry_covers_what_it_lets_through(string entry, string other, bool covers)
    {
        EgressHost.TryParse(entry, out var a, out _).Should().BeTrue();
        EgressHost.TryParse(other, out var b, out _).Should().BeTrue();
        a!.Covers(b!).Should().Be(covers);
    }

    private static void Walk(Type type, string prefix, List<string> leaves)
    {
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.Name != "EqualityContract"))
        {
            var name = prefix + JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
            if (property.PropertyType.Namespace == typeof(GuardrailsConfig).Namespace && property.PropertyType.IsClass)
            {
                Walk(property.PropertyType, name + ".", leaves);
            }
            else
            {
                leaves.Add(name);
            }
        }
    }
}
