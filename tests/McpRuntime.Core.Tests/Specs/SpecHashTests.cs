using System.Reflection;
using System.Text;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;
using McpRuntime.Core.Tests.Guardrails;

namespace McpRuntime.Core.Tests.Specs;

internal sealed class SpecHashTests
{
    private static readonly KeyedHash Key = new(Encoding.UTF8.GetBytes("0123456789abcdef0123456789abcdef"));

    private static readonly EffectiveGuardrails Standard = new("standard", 1, BuiltInProfiles.Standard.Config, []);

    private static readonly RuntimeSpec Plain = new() { Source = new Source.Docker("docker.io/library/nginx:1", null), GuardrailsProfile = "standard" };

    /// <summary>One other value for every property; a new property without one fails the test below.</summary>
    private static readonly Dictionary<string, Func<RuntimeSpec, RuntimeSpec>> Changes = new(StringComparer.Ordinal)
    {
        [nameof(RuntimeSpec.Source)] = s => s with { Source = new Source.Docker("docker.io/library/nginx:2", null) },
        [nameof(RuntimeSpec.Catalog)] = s => s with { Catalog = Requests.Entry() },
        [nameof(RuntimeSpec.GuardrailsProfile)] = s => s with { GuardrailsProfile = "own" },
        [nameof(RuntimeSpec.GuardrailsOverrides)] = s => s with { GuardrailsOverrides = new() { Network = new(null, [], null) } },
        [nameof(RuntimeSpec.Resources)] = s => s with { Resources = new("0.5", null, null, null, null, null) },
        [nameof(RuntimeSpec.Environment)] = s => s with { Environment = Environment(("A", "1")) },
        [nameof(RuntimeSpec.Volumes)] = s => s with { Volumes = ["/data"] },
        [nameof(RuntimeSpec.RegisterGateway)] = s => s with { RegisterGateway = false },
        [nameof(RuntimeSpec.GatewayName)] = s => s with { GatewayName = "x" },
        [nameof(RuntimeSpec.GatewayTransport)] = s => s with { GatewayTransport = GatewayTransport.Stdio },
        [nameof(RuntimeSpec.EndpointPort)] = s => s with { EndpointPort = 1 },
        [nameof(RuntimeSpec.EndpointPath)] = s => s with { EndpointPath = "/" },
        [nameof(RuntimeSpec.Visibility)] = s => s with { Visibility = Visibility.Private },
        [nameof(RuntimeSpec.TeamId)] = s => s with { TeamId = "blue" },
        [nameof(RuntimeSpec.Tags)] = s => s with { Tags = ["t"] },
        [nameof(RuntimeSpec.Metadata)] = s => s with { Metadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["a"] = "b" } },
    };

    [Test]
    public void Every_property_of_a_spec_is_in_the_hash()
    {
        Changes.Keys.Should().BeEquivalentTo(typeof(RuntimeSpec).GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(p => p.Name));
        Changes.Values.Select(change => Of(change(Plain))).Append(Of(Plain)).Should().OnlyHaveUniqueItems();
    }

    [Test]
    public void Every_two_sets_of_changes_differ() => Seeded.Times(2_000, random =>
    {
        RuntimeSpec Apply(IEnumerable<string> names) => names.Order(StringComparer.Ordinal).Aggregate(Plain, (spec, name) => Changes[name](spec));
        string[] all = [.. Changes.Keys];
        var (one, other) = (random.Some(6, all), random.Some(6, all));
        (Of(Apply(one)) == Of(Apply(other))).Should().Be(one.ToHashSet(StringComparer.Ordinal).SetEquals(other));
    });

    [Test]
    public void Every_part_of_a_source_is_in_the_hash()
    {
        Source[] sources =
        [
            new Source.Docker("a", null), new Source.Docker("a", []), new Source.Docker("a", ["x"]), new Source.Docker("a", ["x", "y"]), new Source.Docker("a", ["y", "x"]), new Source.Docker("a", ["x y"]),
            GitHub, GitHub with { Repo = "x" }, GitHub with { Ref = "x" }, GitHub with { Dockerfile = "x" }, GitHub with { Context = "x" }, GitHub with { PushToRegistry = true }, GitHub with { Registry = "x" },
            GitHub with { BuildArgs = new Dictionary<string, string>(StringComparer.Ordinal) { ["a"] = "b" } },
            Compose, Compose with { File = "x" }, Compose with { Repo = "x" }, Compose with { Ref = "x" }, Compose with { Path = "x" }, Compose with { MainService = "x" },
        ];
        sources.Select(source => Of(Plain with { Source = source })).Should().OnlyHaveUniqueItems();
    }

    [Test]
    public void Every_guardrail_the_backend_and_the_key_are_in_the_hash()
    {
        var other = new KeyedHash(new byte[32]);
        new[] { SpecHash.Of(Plain, Standard, "docker", Key), SpecHash.Of(Plain, Standard, "kubernetes", Key), SpecHash.Of(Plain, Standard, "docker", other), SpecHash.Of(Plain, Standard with { Profile = "copy" }, "docker", Key) }
            .Should().OnlyHaveUniqueItems();
        Seeded.Times(5_000, random =>
        {
            var (a, b) = (RandomGuardrails.Config(random), RandomGuardrails.Config(random));
            var same = GuardrailsOrder.Fields.All(f => f.IsWithin(a, b) && f.IsWithin(b, a));
            if (!same)
            {
                Of(Plain, a).Should().NotBe(Of(Plain, b));
            }

            Of(Plain, a).Should().Be(Of(Plain, a with { Network = new(a.Network.EgressAllowed, [.. a.Network.AllowedHosts.Reverse()], [.. a.Network.IngressPorts.Reverse()]) }));
        });
    }

    [Test]
    public void What_says_nothing_of_what_runs_is_not_in_the_hash()
    {
        var entry = Requests.Entry();
        Of(Plain with { Catalog = entry }).Should().Be(Of(Plain with { Catalog = entry with { Description = "new words", Icon = "https://x/y.png", Featured = true } }));
        Of(Plain with { Catalog = entry }).Should().NotBe(Of(Plain with { Catalog = entry with { RequiresApproval = true } }));
        SpecHash.Of(Plain, Standard with { ProfileVersion = 2, Loosened = ["x"] }, "docker", Key).Should().Be(Of(Plain));
    }

    [Test]
    public void The_order_of_maps_and_sets_does_not_matter() => Seeded.Times(1_000, random =>
    {
        var pairs = Enumerable.Range(0, random.Next(20)).Select(i => ($"N{i}", $"v{random.Next(100)}")).ToArray();
        var shuffled = pairs.ToArray();
        random.Shuffle(shuffled);
        RuntimeSpec Spec((string, string)[] order) => Plain with
        {
            Environment = Environment(order),
            Metadata = order.ToDictionary(p => p.Item1, p => p.Item2, StringComparer.Ordinal),
            Tags = [.. order.Select(p => p.Item1)],
            Volumes = [.. order.Select(p => "/" + p.Item1)],
        };
        Of(Spec(pairs)).Should().Be(Of(Spec(shuffled)));
    });

    [Test]
    public void A_value_and_a_reference_of_the_same_text_differ()
    {
        var text = "secret://env/MCPSECRET_A";
        var literal = Plain with { Environment = Environment(("A", text)) };
        var reference = Plain with { Environment = new Dictionary<string, EnvironmentValue>(StringComparer.Ordinal) { ["A"] = new EnvironmentValue.Reference(text) } };
        Of(literal).Should().NotBe(Of(reference));
    }

    [Test]
    public void A_hash_says_its_version_and_never_changes_between_releases() =>
        Of(Plain).Should().StartWith("v1:").And.HaveLength(67).And.Be("v1:1083adb50d45419d213b644dcc73fc4cc6a0c2a1cda71275b39a0498b63b07ce");

    private static readonly Source.GitHub GitHub = new("https://github.com/a/b", "main", "Dockerfile", ".", new Dictionary<string, string>(StringComparer.Ordinal), PushToRegistry: false, null);

    private static readonly Source.Compose Compose = new(null, null, null, null, "web");

    private static string Of(RuntimeSpec spec) => SpecHash.Of(spec, Standard, "docker", Key);

    private static string Of(RuntimeSpec spec, GuardrailsConfig config) => SpecHash.Of(spec, Standard with { Config = config }, "docker", Key);

    private static Dictionary<string, EnvironmentValue> Environment(params (string Name, string Value)[] values) =>
        values.ToDictionary(v => v.Name, v => (EnvironmentValue)new EnvironmentValue.Literal(new SecretText(v.Value)), StringComparer.Ordinal);
}
