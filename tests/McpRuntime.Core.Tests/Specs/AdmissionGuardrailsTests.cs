using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;
using McpRuntime.Core.Tests.Guardrails;
using static McpRuntime.Core.Tests.Specs.Requests;

namespace McpRuntime.Core.Tests.Specs;

/// <summary>Who gets which guardrails, and who may loosen them.</summary>
internal sealed class AdmissionGuardrailsTests
{
    private const string Remote = "https://catalog.example/catalog.yml";

    private static readonly DeployRequest Loose = Good with { Resources = new("2", null, null, null, null, null) };

    [Test]
    public void Loosening_with_approvals_off_takes_an_admin()
    {
        var result = Admission.Admit(Loose, Context());
        result.Forbidden.Should().BeTrue();
        result.Errors.Should().ContainSingle().Which.Path.Should().Be("resources.cpu");
        Admission.Admit(Loose, Context(Admin)).Admitted().Guardrails.Loosened.Should().Equal("resources.cpu");
    }

    [Test]
    public void Loosening_with_approvals_on_waits_for_one_whoever_asks()
    {
        foreach (var caller in new[] { Operator, Admin })
        {
            Admission.Admit(Loose, Context(caller, Policy)).Admitted().Triggers.Should().ContainSingle().Which.Rule.Should().Be("loosened");
        }
    }

    [Test]
    public void What_is_wrong_is_told_before_what_is_forbidden() => Admission.Admit(Loose with { Name = "X" }, Context()).Should().Match<AdmissionResult>(r => !r.Forbidden && r.Errors.Count == 1);

    [Test]
    public void Unrestricted_is_named_field_by_field_to_who_may_not()
    {
        var result = Admission.Admit(Good with { GuardrailsProfile = "unrestricted" }, Context());
        result.Forbidden.Should().BeTrue();
        result.Errors.Select(e => e.Path).Should().Contain("guardrails_overrides.filesystem.read_only_root").And.Contain("guardrails_overrides.seccomp");
    }

    [TestCase("restricted")]
    [TestCase("airgapped")]
    public void A_tighter_profile_is_free(string profile) => Admission.Admit(Good with { GuardrailsProfile = profile }, Context(approvals: Policy)).Admitted().Triggers.Should().BeEmpty();

    [Test]
    public void The_entrys_profile_is_the_default_unless_the_caller_chose_or_overrode()
    {
        var context = Context().With(Entry() with { GuardrailsProfile = "restricted" });
        Admission.Admit(FromCatalog(), context).Admitted().Guardrails.Profile.Should().Be("restricted");
        Admission.Admit(FromCatalog() with { GuardrailsProfile = "standard" }, context).Admitted().Guardrails.Profile.Should().Be("restricted");
        Admission.Admit(FromCatalog() with { GuardrailsOverrides = new() { Network = new(null, null, null) } }, context).Admitted().Guardrails.Profile.Should().Be("restricted");
        Admission.Admit(FromCatalog() with { GuardrailsProfile = "airgapped" }, context).Admitted().Guardrails.Profile.Should().Be("airgapped");

        // With overrides "standard" applies, and is held against the entry's profile.
        var loosened = Admission.Admit(FromCatalog() with { GuardrailsOverrides = new() { Process = new(true, null) } }, context with { Caller = Admin }).Admitted();
        loosened.Guardrails.Profile.Should().Be("standard");
        loosened.Guardrails.Loosened.Should().Contain("network.egress_allowed").And.NotContain("process.run_as_non_root");
    }

    [Test]
    public void A_local_entry_may_choose_unrestricted_and_that_is_then_the_baseline()
    {
        var admitted = Admission.Admit(FromCatalog(), Context().With(Entry() with { GuardrailsProfile = "unrestricted" })).Admitted();
        admitted.Guardrails.Profile.Should().Be("unrestricted");
        admitted.Guardrails.Loosened.Should().BeEmpty();
    }

    [Test]
    public void A_remote_entry_can_tighten_and_nothing_more()
    {
        var custom = new GuardrailProfile("own", "", [], BuiltInProfiles.Unrestricted.Config, BuiltIn: false, 1);
        foreach (var (asked, got) in new[] { ("unrestricted", "standard"), ("own", "standard"), ("restricted", "restricted") })
        {
            var context = Context().With(Entry(origin: Remote) with { GuardrailsProfile = asked }).With(custom);
            Admission.Admit(FromCatalog(), context).Admitted().Guardrails.Profile.Should().Be(got);
        }

        var trusted = Context().With(Entry(origin: Remote) with { GuardrailsProfile = "unrestricted" }) with { TrustedCatalogs = [Remote] };
        Admission.Admit(FromCatalog(), trusted).Admitted().Guardrails.Profile.Should().Be("unrestricted");
    }

    [Test]
    public void An_entrys_hosts_close_all_others_and_opening_them_again_is_loosening()
    {
        var context = Context(Admin).With(Entry() with { AllowedHosts = ["api.weather.example:443"] });
        Admission.Admit(FromCatalog(), context).Admitted().Guardrails.Config.Network.AllowedHosts.Should().Equal("api.weather.example:443");
        Admission.Admit(FromCatalog() with { GuardrailsProfile = "restricted" }, context).Admitted().Guardrails.Config.Network.EgressAllowed.Should().BeFalse();
        Admission.Admit(FromCatalog() with { GuardrailsOverrides = new() { Network = new(null, ["*"], null) } }, context).Admitted().Guardrails.Loosened.Should().Equal("network.allowed_hosts");

        var closed = Context(Admin).With(Entry() with { DisableNetwork = true });
        Admission.Admit(FromCatalog(), closed).Admitted().Guardrails.Config.Network.EgressAllowed.Should().BeFalse();
        Admission.Admit(FromCatalog() with { GuardrailsOverrides = new() { Network = new(true, null, null) } }, closed).Admitted().Guardrails.Loosened.Should().Equal("network.egress_allowed");
    }

    [Test]
    public void An_entrys_backends_requirements_and_defaults_are_enforced()
    {
        var entry = Entry() with
        {
            SupportedBackends = ["ibm_code_engine"],
            EndpointPort = 3000,
            EndpointPath = "/mcp",
            Transport = GatewayTransport.StreamableHttp,
            Environment = [new("KEY", true, true, null, "the API key"), new("REGION", false, false, "eu", null), new("UNIT", false, false, null, null)],
        };
        var context = Context().With(entry);
        Admission.Admit(FromCatalog(), context).Paths().Should().BeEquivalentTo("backend", "environment.KEY");

        var spec = Admission.Admit(FromCatalog() with { Backend = "ibm_code_engine", Environment = Environment(("KEY", "k")), EndpointPort = 4000 }, context).Admitted().Spec;
        spec.Environment.Keys.Should().Equal("KEY", "REGION");
        spec.EndpointPort.Should().Be(4000);
        spec.EndpointPath.Should().Be("/mcp");
        spec.GatewayTransport.Should().Be(GatewayTransport.StreamableHttp);
        spec.Catalog.Should().BeSameAs(entry);
    }

    [Test]
    public void A_remote_entry_can_not_point_at_our_secrets()
    {
        var variable = new CatalogVariable("KEY", true, true, "secret://env/MCPSECRET_X", null);
        Admission.Admit(FromCatalog(), Context().With(Entry(origin: Remote) with { Environment = [variable] })).Paths().Should().Equal("environment.KEY");
        Admission.Admit(FromCatalog(), Context().With(Entry() with { Environment = [variable] })).Admitted().Spec.Environment["KEY"].Should().BeOfType<EnvironmentValue.Reference>();
    }

    [Test]
    public void An_entry_that_is_only_listed_can_not_be_deployed_and_says_why() =>
        Admission.Admit(FromCatalog(), Context().With(Entry() with { Source = null, NotDeployableBecause = "it runs elsewhere" }))
            .Errors.Should().ContainSingle().Which.Message.Should().Contain("it runs elsewhere");

    [Test]
    public void An_unknown_entry_or_profile_is_named()
    {
        Admission.Admit(FromCatalog("nope"), Context()).Paths().Should().Equal("catalog_server_id");
        Admission.Admit(FromCatalog(), Context().With(Entry() with { GuardrailsProfile = "gone" })).Paths().Should().Equal("catalog_server_id");
    }

    [Test]
    public void Forbidden_capabilities_are_refused_even_to_admins() =>
        Admission.Admit(Good with { GuardrailsOverrides = new() { Capabilities = new(null, ["SYS_ADMIN"]) } }, Context(Admin)).Paths().Should().Equal("guardrails_overrides.capabilities.add");

    [Test]
    public void Limits_are_told_where_they_were_sent()
    {
        Admission.Admit(Good with { Resources = new("0", "1", 0, 5, 2, null) }, Context()).Paths().Should().BeEquivalentTo("resources.cpu", "resources.memory", "resources.max_pids", "resources.min_scale");
        Admission.Admit(Good with { GuardrailsOverrides = new() { Resources = new("0", null, null, null, null, null) } }, Context()).Paths().Should().Equal("guardrails_overrides.resources.cpu");
    }

    [Test]
    public void No_operator_gets_more_than_the_baseline_gives_however_the_request_is_composed() => Seeded.Times(20_000, random =>
    {
        var admin = new GuardrailProfile("own", "", [], RandomGuardrails.Config(random), BuiltIn: false, 1);
        var entry = Entry(origin: random.Chance() ? CatalogEntry.LocalOrigin : Remote) with
        {
            GuardrailsProfile = random.Pick(null, "standard", "restricted", "airgapped", "unrestricted", "own"),
            AllowedHosts = random.Chance(0.7) ? null : ["a.example.com"],
            DisableNetwork = random.Chance(0.1),
        };
        var request = (random.Chance() ? Good : FromCatalog()) with
        {
            GuardrailsProfile = random.Pick(null, "standard", "restricted", "airgapped", "unrestricted", "own"),
            GuardrailsOverrides = random.Chance(0.3) ? null : RandomGuardrails.Overrides(random),
            Resources = random.Chance() ? null : RandomGuardrails.Resources(random),
        };
        var result = Admission.Admit(request, Context().With(entry).With(admin));
        if (result.Admitted is not { } admitted)
        {
            return;
        }

        var local = entry is { IsRemote: false, GuardrailsProfile: not null } ? entry.GuardrailsProfile : entry.GuardrailsProfile is "restricted" or "airgapped" ? entry.GuardrailsProfile : "standard";
        var name = request.CatalogServerId is null ? "standard" : local;
        var baseline = name == "own" ? admin.Config : BuiltInProfiles.Find(name)!.Config;
        Facts.Of(admitted.Guardrails.Config).Should().BeSubsetOf(Facts.Of(baseline));
    });
}
