using McpRuntime.Core.Approvals;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Core.Tests.Guardrails;
using McpRuntime.Core.Tests.Specs;

namespace McpRuntime.Core.Tests.Approvals;

/// <summary>
/// Whatever an operator does with requests, and an admin with profiles and catalogs, in whatever order: what runs unapproved can do
/// nothing that its baseline can't. Judged by <see cref="Facts"/>, which knows nothing of the rules.
/// </summary>
internal sealed class ChainTests
{
    private const int Chains = 20_000;
    private const int Tags = 4;

    private static readonly KeyedHash Hash = new([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    private static readonly string[] Images =
        ["docker.io/mcp/x:1", "docker.io/mcp-evil/x:1", "nginx:1.25", "library/nginx", "ghcr.io/acme/weather:1", "docker.io/mcp", "mcp/tool@sha256:" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "docker.io/evil/mcp:1"];

    private static readonly string[] Allowed = ["docker.io/library/", "docker.io/mcp/", "ghcr.io/acme/"];

    [Test]
    public void No_chain_of_changes_runs_anything_looser_unapproved()
    {
        var (ran, waited, rolledOut, askedAgain) = (0, 0, 0, 0);
        Seeded.Times(Chains, random =>
        {
            var world = new World(random);
            for (var step = random.Next(2, 12); step > 0; step--)
            {
                world.Step();
            }

            ran += world.Ran;
            waited += world.Waited;
            rolledOut += world.RolledOut;
            askedAgain += world.AskedAgain;
        });

        // A property that nothing ever reaches holds of itself.
        ran.Should().BeGreaterThan(Chains / 4);
        waited.Should().BeGreaterThan(Chains / 4);
        rolledOut.Should().BeGreaterThan(Chains / 200);
        askedAgain.Should().BeGreaterThan(Chains / 40);
    }

    [TestCase("docker.io/mcp-evil/x:1")]
    [TestCase("docker.io/evil/mcp:1")]
    [TestCase("mcp.evil.example/mcp/x:1")]
    public void A_name_that_only_begins_like_an_allowed_one_waits(string image) =>
        Admit(Requests.Good with { Source = new SourceRequest { Type = "docker", Image = image } }, ["*"]).Should().Contain("registry");

    [TestCase("nginx:1.25")]
    [TestCase("library/nginx")]
    [TestCase("docker.io/library/nginx:1.25")]
    public void A_short_name_is_the_library_it_means(string image) =>
        Admit(Requests.Good with { Source = new SourceRequest { Type = "docker", Image = image } }, ["*"]).Should().BeEmpty();

    [Test]
    public void A_partial_override_that_reopens_egress_waits()
    {
        var profiles = new GuardrailProfile("closed", "", [], BuiltInProfiles.Restricted.Config, BuiltIn: false, Version: 1);
        var entry = Requests.Entry() with { GuardrailsProfile = "restricted" };
        var context = Requests.Context(approvals: Requests.Policy).With(entry) with { FindProfile = name => name == "closed" ? profiles : BuiltInProfiles.Find(name) };

        var admitted = Admission.Admit(Requests.FromCatalog() with { GuardrailsProfile = "restricted", GuardrailsOverrides = new() { Network = new(true, null, null) } }, context).Admitted();

        admitted.Triggers.Select(trigger => trigger.Rule).Should().Contain("loosened");
        admitted.Guardrails.Loosened.Should().Contain("network.egress_allowed");
    }

    [Test]
    public void A_renamed_copy_of_unrestricted_waits_like_the_original()
    {
        var copy = BuiltInProfiles.Unrestricted with { Name = "harmless", BuiltIn = false };
        var context = Requests.Context(approvals: Requests.Policy).With(copy);

        Admission.Admit(Requests.Good with { GuardrailsProfile = "harmless" }, context).Admitted()
            .Triggers.Select(trigger => trigger.Rule).Should().Contain(["guardrails_profile", "loosened"]);
    }

    [Test]
    public void A_source_beside_a_catalog_entry_is_refused() =>
        Admission.Admit(Requests.Good with { CatalogServerId = "acme/weather" }, Requests.Context(approvals: Requests.Policy).With(Requests.Entry() with { RequiresApproval = true }))
            .Paths().Should().Contain("catalog_server_id");

    [Test]
    public void One_who_asks_does_not_approve_and_an_empty_list_makes_nobody_an_approver()
    {
        var approver = Requests.Operator with { Subject = "carol", Roles = Roles.Approver };

        ApprovalRights.WhyNot(approver, ["alice"], true, [], allowSelf: false).Should().BeNull();
        ApprovalRights.WhyNot(approver, ["carol"], true, [], allowSelf: false).Should().NotBeNull();
        ApprovalRights.WhyNot(approver, ["carol"], false, [], allowSelf: false).Should().BeNull("to take back one's own request is no approval");
        ApprovalRights.WhyNot(Requests.Operator, ["bob"], true, [], allowSelf: true).Should().NotBeNull();
        ApprovalRights.WhyNot(Requests.Operator, ["bob"], true, ["alice", "blue"], allowSelf: true).Should().NotBeNull("the list names people, the role gives the right");
        ApprovalRights.WhyNot(Requests.Admin, ["bob"], true, ["carol"], allowSelf: true).Should().NotBeNull();
        ApprovalRights.Required(Requests.Operator).Should().Be(1);
        ApprovalRights.Required(Requests.Operator with { Source = "git:infra", IsPerson = false }).Should().Be(2);
    }

    [Test]
    public void A_binding_is_of_one_pin_one_content_and_one_key()
    {
        var facts = new ResolvedFacts("docker.io/mcp/x@sha256:aa", true, null, null);
        string[] bindings =
        [
            ApprovalBinding.Of("v1:a", facts, Hash),
            ApprovalBinding.Of("v1:b", facts, Hash),
            ApprovalBinding.Of("v1:a", facts with { Pin = "docker.io/mcp/x@sha256:bb" }, Hash),
            ApprovalBinding.Of("v1:a", facts with { Commit = "c0ffee" }, Hash),
            ApprovalBinding.Of("v1:a", facts, new KeyedHash(new byte[32])),
        ];

        bindings.Should().OnlyHaveUniqueItems();
        ApprovalBinding.Of("v1:a", facts, Hash).Should().Be(bindings[0]);
    }

    private static IEnumerable<string> Admit(DeployRequest request, IReadOnlyList<string> registries) =>
        Admission.Admit(request, Requests.Context(approvals: Requests.Policy) with { AllowedRegistries = registries }).Admitted().Triggers.Select(trigger => trigger.Rule);

    /// <summary>An installation under a chain of changes, and one runtime in it.</summary>
    private sealed class World(Random random)
    {
        private readonly Dictionary<string, GuardrailProfile> _profiles = new(StringComparer.Ordinal);
        private readonly Dictionary<string, CatalogEntry> _catalog = new(StringComparer.Ordinal);
        private readonly List<DeployRequest> _earlier = [];

        /// <summary>What a person said yes to, by binding.</summary>
        private readonly HashSet<string> _approved = new(StringComparer.Ordinal);

        /// <summary>The same, as the person saw it.</summary>
        private readonly HashSet<(string Content, string Tag)> _seen = [];

        private readonly HashSet<string> _rejected = new(StringComparer.Ordinal);

        private string _tag = "sha256:0";
        private DeployRequest _request = Requests.Good;

        /// <summary>What serves; every later generation is held against it.</summary>
        private (DeployRequest Request, Admitted Admitted)? _serving;

        public int Ran { get; private set; }

        public int Waited { get; private set; }

        /// <summary>Edits of a profile that have reached what serves without an approval.</summary>
        public int RolledOut { get; private set; }

        public int AskedAgain { get; private set; }

        public void Step()
        {
            switch (random.Next(10))
            {
                case 0:
                    Edit($"p{random.Next(3)}");
                    break;
                case 1:
                    Entry($"e{random.Next(2)}");
                    break;
                case 2:
                    _tag = $"sha256:{random.Next(Tags)}";
                    break;
                case 8 when _serving is { } serving && _profiles.ContainsKey(serving.Admitted.Guardrails.Profile):
                case 9 when _serving is { } other && _profiles.ContainsKey(other.Admitted.Guardrails.Profile):
                    Edit(_serving.Value.Admitted.Guardrails.Profile, random.Chance(0.7));
                    RollOut(_serving.Value.Request, _serving.Value.Admitted);
                    return;
                case 3 when _earlier.Count > 0:
                    _request = random.Pick(_earlier);
                    break;
                default:
                    _request = Request();
                    break;
            }

            Put();
        }

        private void Edit(string name, bool tighter = false)
        {
            // A copy under another name, or something of its own.
            var config = tighter ? RandomGuardrails.Tighten(random, _profiles[name].Config) : random.Chance() ? random.Pick(BuiltInProfiles.All).Config : RandomGuardrails.Config(random);
            if (GuardrailsCheck.Profile(name, null, [], config).Count == 0)
            {
                _profiles[name] = new(name, "", [], config, BuiltIn: false, (_profiles.GetValueOrDefault(name)?.Version ?? 0) + 1);
            }
        }

        private void Entry(string id) => _catalog[id] = Requests.Entry(id, random.Chance() ? CatalogEntry.LocalOrigin : "https://catalog.example") with
        {
            Source = new SourceRequest { Type = "docker", Image = random.Pick<string>(Images) },
            GuardrailsProfile = random.Pick<string?>(null, "standard", "restricted", "airgapped", "p0"),
            RequiresApproval = random.Chance(0.3),
        };

        private DeployRequest Request() => new()
        {
            Name = random.Pick("weather", "renamed"),
            Source = _catalog.Count == 0 || random.Chance(0.7) ? new SourceRequest { Type = "docker", Image = random.Pick<string>(Images) } : null,
            CatalogServerId = _catalog.Count == 0 || random.Chance(0.7) ? null : random.Pick<string>([.. _catalog.Keys]),
            GuardrailsProfile = random.Pick<string?>(null, "standard", "restricted", "airgapped", "unrestricted", "p0", "p1", "p2"),
            GuardrailsOverrides = random.Chance() ? null : RandomGuardrails.Overrides(random),
            Resources = random.Chance(0.7) ? null : RandomGuardrails.Resources(random),
        };

        private AdmissionContext Context => Requests.Context(approvals: Requests.Policy) with
            {
                AllowedRegistries = ["*"],
                FindProfile = name => BuiltInProfiles.Find(name) ?? _profiles.GetValueOrDefault(name),
                FindCatalogEntry = id => _catalog.GetValueOrDefault(id),
                Catalog = [.. _catalog.Values],
            };

        /// <summary>What serves follows its profile to another version, from what it was asked with and not from what was asked since.</summary>
        private void RollOut(DeployRequest request, Admitted before)
        {
            if (Admission.Admit(request, Context).Admitted is not { } admitted || admitted.Guardrails.ProfileVersion == before.Guardrails.ProfileVersion)
            {
                return;
            }

            var since = ApprovalTriggers.Since(before.Guardrails, admitted.Guardrails, GuardrailsMode.Warn);
            if (since is not null || admitted.Triggers.Count > 0)
            {
                return;
            }

            RolledOut++;
            MustBeWithin(admitted);
            Facts.Of(admitted.Guardrails.Config).Except(Facts.Of(before.Guardrails.Config), StringComparer.Ordinal).Should().BeEmpty("nobody has approved what the profile lets more");
            _serving = (request, admitted);
        }

        private void Put()
        {
            if (Admission.Admit(_request, Context).Admitted is not { } admitted)
            {
                return;
            }

            _earlier.Add(_request);
            var content = SpecHash.Of(admitted.Spec, admitted.Guardrails, admitted.Backend, Hash);
            var pin = new ResolvedFacts($"x@{_tag}", true, null, null);
            var binding = ApprovalBinding.Of(content, pin, Hash);
            if (admitted.Triggers.Count == 0)
            {
                Ran++;
                MustBeWithin(admitted);
                _serving = (_request, admitted);
                return;
            }

            // Every generation asks for itself: an approval given before is of use only to the very same thing, and so is a no.
            Waited++;
            AskedAgain += _rejected.Contains(binding) ? 1 : 0;
            if (random.Chance(0.3))
            {
                _approved.Add(binding);
                _seen.Add((content, _tag));
                _serving = (_request, admitted);
            }
            else
            {
                _rejected.Add(binding);
            }

            // Wherever the tag moves next, what runs there was seen there.
            for (var tag = 0; tag < Tags; tag++)
            {
                _approved.Contains(ApprovalBinding.Of(content, pin with { Pin = $"x@sha256:{tag}" }, Hash)).Should().Be(_seen.Contains((content, $"sha256:{tag}")));
            }

            var edited = admitted with { Guardrails = admitted.Guardrails with { Config = RandomGuardrails.Config(random) } };
            var editedHash = SpecHash.Of(edited.Spec, edited.Guardrails, edited.Backend, Hash);
            (editedHash == content).Should().Be(SameConfig(edited.Guardrails.Config, admitted.Guardrails.Config));
        }

        /// <summary>Unapproved means: allowed registry, no entry that asks for approval, and no fact that the baseline lacks.</summary>
        private void MustBeWithin(Admitted admitted)
        {
            var image = admitted.Spec.Source.Match(docker => docker.Image, _ => "", _ => "");
            Allowed.Any(prefix => image.StartsWith(prefix, StringComparison.Ordinal)).Should().BeTrue("{0} runs unapproved", image);
            (admitted.Spec.Catalog?.RequiresApproval ?? false).Should().BeFalse();
            Facts.Of(admitted.Guardrails.Config).Except(Facts.Of(Baseline(admitted.Spec.Catalog).Config), StringComparer.Ordinal).Should().BeEmpty("it runs unapproved under {0}", admitted.Guardrails.Profile);
        }

        /// <summary>Standard, whatever the caller names; an entry of ours may say otherwise, somebody else's only among the built-in ones that are no looser.</summary>
        private GuardrailProfile Baseline(CatalogEntry? entry) => entry switch
        {
            { GuardrailsProfile: "standard" or "restricted" or "airgapped" } => BuiltInProfiles.Find(entry.GuardrailsProfile)!,
            { GuardrailsProfile: { } custom, Origin: CatalogEntry.LocalOrigin } => _profiles[custom],
            _ => BuiltInProfiles.Standard,
        };

        private static bool SameConfig(GuardrailsConfig a, GuardrailsConfig b) =>
            System.Text.Json.JsonSerializer.Serialize(GuardrailsMerge.Normalise(a), GuardrailsJson.Options) == System.Text.Json.JsonSerializer.Serialize(GuardrailsMerge.Normalise(b), GuardrailsJson.Options);
    }
}
