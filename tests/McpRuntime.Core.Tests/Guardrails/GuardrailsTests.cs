using System.Text.Json;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Tests.Guardrails;

internal sealed class GuardrailsTests
{
    private static readonly string[] Documented =
    [
        """{"network":{"egress_allowed":true,"allowed_hosts":["*"],"ingress_ports":[8080]},"filesystem":{"read_only_root":false,"allowed_mounts":["/"]},"capabilities":{"drop_all":false,"add":[]},"resources":{"cpu":"2","memory":"2g"},"process":{"run_as_non_root":false,"no_new_privileges":false}}""",
        """{"network":{"egress_allowed":true,"allowed_hosts":[],"ingress_ports":[8080]},"filesystem":{"read_only_root":true,"allowed_mounts":["/data","/cache"]},"capabilities":{"drop_all":true,"add":["NET_BIND_SERVICE"]},"resources":{"cpu":"0.5","memory":"512m","max_pids":100},"seccomp":"runtime/default","apparmor":"mcp-standard","process":{"run_as_non_root":false,"no_new_privileges":true}}""",
        """{"network":{"egress_allowed":false,"allowed_hosts":[],"ingress_ports":[8080]},"filesystem":{"read_only_root":true,"allowed_mounts":[]},"capabilities":{"drop_all":true,"add":[]},"resources":{"cpu":"0.25","memory":"256m","max_pids":50},"seccomp":"runtime/default","apparmor":"mcp-restricted","process":{"run_as_non_root":true,"no_new_privileges":true}}""",
        """{"network":{"egress_allowed":false,"allowed_hosts":[],"ingress_ports":[]},"filesystem":{"read_only_root":true,"allowed_mounts":[]},"capabilities":{"drop_all":true,"add":[]},"resources":{"cpu":"0.25","memory":"128m","max_pids":50},"seccomp":"runtime/default","apparmor":"mcp-airgapped","process":{"run_as_non_root":true,"no_new_privileges":true}}""",
    ];

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public void The_built_in_profiles_are_the_documented_table(int index)
    {
        var documented = JsonSerializer.Deserialize<GuardrailsConfig>(Documented[index], GuardrailsJson.Options)!;
        BuiltInProfiles.All[index].Config.Should().BeEquivalentTo(documented);
        BuiltInProfiles.All[index].BuiltIn.Should().BeTrue();
        GuardrailsCheck.Form(BuiltInProfiles.All[index].Config).Should().BeEmpty();
    }

    [Test]
    public void The_built_in_profiles_come_in_their_order() => BuiltInProfiles.All.Select(p => p.Name).Should().Equal("unrestricted", "standard", "restricted", "airgapped");

    [Test]
    public void Json_is_read_back_as_it_was_written() => Seeded.Times(1_000, random =>
    {
        var config = RandomGuardrails.Config(random);
        JsonSerializer.Deserialize<GuardrailsConfig>(JsonSerializer.Serialize(config, GuardrailsJson.Options), GuardrailsJson.Options).Should().BeEquivalentTo(config);
        var overrides = RandomGuardrails.Overrides(random);
        JsonSerializer.Deserialize<GuardrailsOverrides>(JsonSerializer.Serialize(overrides, GuardrailsJson.Options), GuardrailsJson.Options).Should().BeEquivalentTo(overrides);
    });

    [TestCase("""{"netwrok":{}}""")]
    [TestCase("""{"network":{"egres_allowed":true}}""")]
    [TestCase("""{"network":null}""")]
    [TestCase("""{"mode":1}""")]
    [TestCase("""{"mode":"maybe"}""")]
    [TestCase("""{"resources":{"max_pids":"many"}}""")]
    public void Json_that_would_be_silently_misread_is_an_error(string json) =>
        ((Func<object?>)(() => JsonSerializer.Deserialize<GuardrailsConfig>(json, GuardrailsJson.Options))).Should().Throw<JsonException>();

    [Test]
    public void Only_what_was_sent_is_merged()
    {
        var merged = GuardrailsMerge.Merge(
            BuiltInProfiles.Standard.Config,
            new GuardrailsOverrides { Filesystem = new(ReadOnlyRoot: null, AllowedMounts: ["/srv/"]), Resources = new(null, "256m", null, null, null, null) },
            new ResourceRequest("1", null, null, null, null, null));

        merged.Filesystem.Should().BeEquivalentTo(new FilesystemGuardrails(true, ["/srv"]));
        merged.Resources.Should().Be(new ResourceGuardrails("1", "256m", 100));
        merged.Network.Should().BeEquivalentTo(BuiltInProfiles.Standard.Config.Network);
        merged.Seccomp.Should().Be("runtime/default");
    }

    [Test]
    public void Merging_nothing_changes_nothing() => Seeded.Times(1_000, random =>
    {
        var config = RandomGuardrails.Config(random);
        GuardrailsMerge.Merge(config, new GuardrailsOverrides(), null).Should().BeEquivalentTo(config);
    });

    [Test]
    public void Merging_twice_is_merging_once() => Seeded.Times(1_000, random =>
    {
        var config = RandomGuardrails.Config(random);
        var overrides = RandomGuardrails.Overrides(random);
        var once = GuardrailsMerge.Merge(config, overrides);
        GuardrailsMerge.Merge(once, overrides).Should().BeEquivalentTo(once);
    });

    [Test]
    public void Closing_egress_closes_the_profiles_host_list_with_it()
    {
        var merged = GuardrailsMerge.Merge(BuiltInProfiles.Unrestricted.Config, new GuardrailsOverrides { Network = new(false, null, null) });
        GuardrailsCheck.Form(merged).Should().BeEmpty();
        Egress.Of(merged.Network).Should().BeOfType<Egress.None>();
    }

    [Test]
    public void Hosts_beside_closed_egress_are_an_error()
    {
        var merged = GuardrailsMerge.Merge(BuiltInProfiles.Restricted.Config, new GuardrailsOverrides { Network = new(null, ["a.com"], null) });
        GuardrailsCheck.Form(merged).Should().ContainSingle().Which.Path.Should().Be("network.allowed_hosts");
    }

    [Test]
    public void Overrides_full_of_nulls_are_no_overrides()
    {
        GuardrailsMerge.IsEmpty(new GuardrailsOverrides { Network = new(null, null, null), Resources = new(null, null, null, null, null, null) }).Should().BeTrue();
        GuardrailsMerge.IsEmpty(new GuardrailsOverrides { Network = new(null, [], null) }).Should().BeFalse();
    }

    [TestCase("SYS_ADMIN")]
    [TestCase("cap_sys_admin")]
    [TestCase("ALL")]
    [TestCase("NET_ADMIN")]
    [TestCase("SYS_MODULE")]
    [TestCase("SYS_PTRACE")]
    [TestCase("SYS_RAWIO")]
    [TestCase("BPF")]
    public void A_dangerous_capability_needs_a_profile_that_holds_it(string capability)
    {
        var overrides = new GuardrailsOverrides { Capabilities = new(null, [capability]) };
        var own = new GuardrailProfile("own", "", [], new GuardrailsConfig { Capabilities = new(true, [capability]) }, BuiltIn: false, 1);

        GuardrailsCheck.NeedsOwnProfile(GuardrailsMerge.Merge(BuiltInProfiles.Unrestricted.Config, overrides), BuiltInProfiles.Unrestricted).Should().ContainSingle();
        GuardrailsCheck.NeedsOwnProfile(GuardrailsMerge.Merge(own.Config, null), own).Should().BeEmpty();
        GuardrailsCheck.NeedsOwnProfile(GuardrailsMerge.Merge(own.Config, new() { Capabilities = new(null, [capability, "SYS_BOOT", "PERFMON"]) }), own).Should().BeEmpty();
    }

    [Test]
    public void Raw_sockets_beside_a_host_list_need_a_profile_that_holds_them()
    {
        var listed = GuardrailsMerge.Merge(BuiltInProfiles.Standard.Config, new() { Network = new(null, ["a.com"], null), Capabilities = new(null, ["NET_RAW"]) });
        var open = GuardrailsMerge.Merge(BuiltInProfiles.Standard.Config, new() { Capabilities = new(null, ["NET_RAW"]) });
        GuardrailsCheck.NeedsOwnProfile(listed, BuiltInProfiles.Standard).Should().ContainSingle();
        GuardrailsCheck.NeedsOwnProfile(open, BuiltInProfiles.Standard).Should().BeEmpty();
    }

    [Test]
    public void Unconfined_needs_a_profile_that_holds_it()
    {
        var config = BuiltInProfiles.Standard.Config with { Seccomp = "unconfined", Apparmor = "unconfined" };
        GuardrailsCheck.NeedsOwnProfile(config, BuiltInProfiles.Standard).Select(e => e.Path).Should().Equal("seccomp", "apparmor");
        GuardrailsCheck.NeedsOwnProfile(config, new("own", "", [], config, BuiltIn: false, 1)).Should().BeEmpty();
    }

    [Test]
    public void A_wrong_config_is_told_field_by_field()
    {
        var errors = GuardrailsCheck.Form(new GuardrailsConfig
        {
            Network = new(true, ["http://a.com", "*"], [0, 8080]),
            Filesystem = new(true, ["data"]),
            Capabilities = new(true, ["NET_BIND"]),
            Resources = new("0", "1k", 0, 3, 2, 0),
            Seccomp = "/etc/passwd",
            Apparmor = "a b",
        });
        errors.Select(e => e.Path).Distinct().Should().BeEquivalentTo(
            "network.allowed_hosts", "network.ingress_ports", "filesystem.allowed_mounts", "capabilities.add", "resources.cpu", "resources.memory", "resources.max_pids", "resources.min_scale", "resources.timeout_seconds", "seccomp", "apparmor");
    }

    [Test]
    public void A_custom_profile_can_not_take_a_built_in_name()
    {
        GuardrailsCheck.Profile("standard", "", [], new GuardrailsConfig()).Should().ContainSingle().Which.Path.Should().Be("name");
        GuardrailsCheck.Profile("Own", new string('x', 501), [], new GuardrailsConfig()).Select(e => e.Path).Should().Equal("name", "description");
        GuardrailsCheck.Profile("own", null, ["docker"], BuiltInProfiles.Standard.Config).Should().BeEmpty();
    }

    [Test]
    public void Every_control_that_is_not_held_is_a_warning_with_its_field()
    {
        foreach (var control in Enum.GetValues<Control>())
        {
            var weakened = GuardrailWarnings.Of([new ControlReport(control, ControlOutcome.Weakened)], "docker").Should().ContainSingle().Subject;
            weakened.Should().Match<GuardrailWarning>(w => w.Severity == "warning" && w.Field.Length > 0 && w.Message.Contains("docker", StringComparison.Ordinal));
            GuardrailWarnings.Of([new ControlReport(control, ControlOutcome.Refused, Message: "no")], "docker").Should().ContainSingle().Which.Severity.Should().Be("error");
            GuardrailWarnings.Of([new(control, ControlOutcome.Enforced, "here"), new(control, ControlOutcome.NotAsked), new(control, ControlOutcome.Unavailable)], "docker").Should().BeEmpty();
        }
    }

    [Test]
    public void An_unavailable_control_does_not_decide_compatibility()
    {
        GuardrailWarnings.IsCompatible([new(Control.Apparmor, ControlOutcome.Unavailable), new(Control.Cpu, ControlOutcome.Enforced)]).Should().BeTrue();
        GuardrailWarnings.IsCompatible([new(Control.Pids, ControlOutcome.Weakened)]).Should().BeFalse();
    }

    [TestCase(true, "a.example", false, "", true)]
    [TestCase(true, "a.example", true, "", false)]
    [TestCase(true, "a.example", false, "CHOWN", true)]
    [TestCase(true, "a.example", false, "cap_net_raw", false)]
    [TestCase(true, "", false, "CHOWN", false)]
    [TestCase(false, "", false, "CHOWN", false)]
    public void Raw_sockets_are_taken_away_beside_a_host_list_and_only_there(bool egress, string host, bool dropAll, string add, bool dropped)
    {
        var config = new GuardrailsConfig
        {
            Network = new NetworkGuardrails(egress, host.Length == 0 ? [] : [host], []),
            Capabilities = new CapabilityGuardrails(dropAll, add.Length == 0 ? [] : [add]),
        };

        LinuxCapabilities.MustDrop(config).Should().Equal(dropped ? ["NET_RAW"] : []);
    }
}
