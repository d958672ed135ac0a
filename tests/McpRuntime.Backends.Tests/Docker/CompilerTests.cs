using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Docker;

public sealed class CompilerTests
{
    private static readonly DockerOptions Options = new();

    private static readonly KeyedHash Hash = new([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    private static readonly RuntimeIdentity Id = new("installation", "01jd0000000000000000000abc");

    private static readonly ImageFacts Image = new("sha256:" + new string('1', 64), "node", [3001], ["/data"], ["/entry"], ["serve"], "amd64") { Environment = ["PATH=/bin", "MODE=image"] };

    private static readonly ResolvedFacts Facts = new("docker.io/acme/server@sha256:" + new string('2', 64), true, null, Image);

    private static readonly JsonSerializerOptions Readable = new(JsonSerializerDefaults.General)
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter() },
    };

    private static IEnumerable<string> Profiles => BuiltInProfiles.All.Select(p => p.Name);

    [TestCaseSource(nameof(Profiles))]
    public void What_a_built_in_profile_compiles_to_is_written_down(string name)
    {
        var profile = BuiltInProfiles.Find(name)!;
        // The volume is the image's own: a profile that allows none refuses such an image.
        var image = profile.Config.Filesystem.AllowedMounts.Count == 0 ? Image with { Volumes = [] } : Image;
        var compiled = Compile(profile.Config, Facts with { Image = image }, Environment(("TOKEN", "c4n4ry"), ("MODE", "ours")));

        var shown = JsonSerializer.Serialize(
            new
            {
                compiled.Rollout,
                compiled.Endpoint,
                Resources = compiled.Running.Select(r => new { r.Id, r.Kind, r.DependsOn, Body = Body(r.Body) }),
                Stopped = compiled.Stopped.Select(r => r.Id),
                Report = compiled.Report.Select(r => $"{r.Control}: {r.Outcome} {r.Where}{r.Message}".TrimEnd()),
                Warnings = compiled.Warnings.Select(w => w.Field),
            },
            Readable);

        compiled.Refused.Should().BeNull();
        Golden.Check($"docker-{profile.Name}.json", shown);
    }

    [Test]
    public void Without_facts_nothing_is_wanted_and_without_the_images_own_facts_only_the_image()
    {
        var unresolved = Compile(Given.Standard, facts: null);
        var unpulled = Compile(Given.Standard, Facts with { Image = null });

        unresolved.Running.Should().BeEmpty();
        unresolved.Complete.Should().BeFalse();
        unpulled.Running.Select(r => r.Kind).Should().Equal(ResourceKind.Image);
        unpulled.Complete.Should().BeFalse();
    }

    [Test]
    public void The_same_content_has_the_same_id_and_anything_that_matters_another()
    {
        var id = Container(Compile(Given.Standard, Facts, Environment(("A", "1"), ("B", "2")))).Id;

        Container(Compile(Given.Standard, Facts, Environment(("B", "2"), ("A", "1")))).Id.Should().Be(id);
        Container(Compile(Given.Standard, Facts, Environment(("A", "1"), ("B", "3")))).Id.Should().NotBe(id);
        Container(Compile(Given.Standard, Facts, Environment(("A", "1"), ("B", "2")), restart: 1)).Id.Should().NotBe(id);
        Container(Compile(Given.Standard with { Resources = Given.Standard.Resources with { Memory = "65m" } }, Facts, Environment(("A", "1"), ("B", "2")))).Id.Should().NotBe(id);
        Container(Compile(Given.Standard, Facts with { Pin = Facts.Pin.Replace('2', '3') }, Environment(("A", "1"), ("B", "2")))).Id.Should().NotBe(id);
    }

    [Test]
    public void A_value_is_in_the_environment_and_nowhere_else()
    {
        var body = (ContainerBody)Container(Compile(Given.Standard, Facts, Environment(("TOKEN", "c4n4ry")))).Body;

        body.Create.Env.Should().ContainSingle().Which.Should().Be("TOKEN=c4n4ry");
        JsonSerializer.Serialize(body.Create with { Env = null }, DockerJson.Default.ContainerCreate).Should().NotContain("c4n4ry");
        $"{body} {body.Create} {body.Shape}".Should().NotContain("c4n4ry");
    }

    [Test]
    public void The_endpoint_is_the_port_asked_for_else_the_one_exposed_else_the_first_ingress_port()
    {
        Compile(Given.Standard, Facts, port: 9000).Endpoint!.Port.Should().Be(9000);
        Compile(Given.Standard, Facts).Endpoint!.Port.Should().Be(3001);
        Compile(Given.Standard, Facts with { Image = Image with { ExposedPorts = [80, 443] } }).Endpoint!.Port.Should().Be(8080);
        Compile(BuiltInProfiles.Airgapped.Config, Facts with { Image = Image with { ExposedPorts = [], Volumes = [] } }).Refused!.Reason.Should().Be("NoEndpointPort");
    }

    [Test]
    public void What_cannot_run_here_is_refused_with_a_reason()
    {
        Compile(Given.Standard, Facts with { Image = Image with { Volumes = ["/etc"] } }).Refused!.Reason.Should().Be("MountNotAllowed");
        Compile(Given.Standard, Facts with { Image = Image with { Volumes = ["/data/../etc"] } }).Refused!.Reason.Should().Be("MountNotAllowed");
        Compile(Given.Unrestricted, Facts with { Image = Image with { Volumes = ["/proc/x"] } }).Refused!.Reason.Should().Be("MountNotAllowed");
        Compile(Given.Standard with { Images = new ImageGuardrails(RequireDigest: true) }, Facts with { Pin = "sha256:1", PinIsRegistryDigest = false }).Refused!.Reason.Should().Be("DigestRequired");
        Compile(Given.Standard with { Seccomp = "unknown" }, Facts).Refused!.Reason.Should().Be("GuardrailRefused");
        Compile(Given.Standard, Facts, source: new Source.Compose("", null, null, null, "main"), transport: GatewayTransport.Stdio).Refused!.Reason.Should().NotBeNullOrEmpty();
        Compile(Given.Standard, Facts, source: new Source.Compose("", null, null, null, "main")).Refused!.Reason.Should().Be("ComposeRefused");
    }

    [Test]
    public void A_host_list_is_a_closed_network_with_a_policy_of_its_own_in_force_before_anything_starts()
    {
        var one = Compile(Listed("b.example.org:8443", "A.example.org"), Facts);
        var two = Compile(Listed("a.example.org"), Facts);

        one.Report.Single(r => r.Control == Control.AllowedHosts).Outcome.Should().Be(ControlOutcome.Enforced);
        one.Running.Single(r => r.Kind == ResourceKind.Network).Body.Should().Be(new NetworkBody(Closed: true));
        var policy = one.Running.Single(r => r.Kind == ResourceKind.GuardPolicy);
        ((GuardPolicyBody)policy.Body).Way.Hosts.Should().Equal("a.example.org", "b.example.org:8443");
        one.Running.Single(r => r.Kind == ResourceKind.Container).DependsOn.Should().Contain(policy.Id);
        policy.DependsOn.Should().Equal(one.Running.Single(r => r.Kind == ResourceKind.GuardLink).Id);
        one.Running.Select(r => r.Id).Intersect(two.Running.Select(r => r.Id))
            .Should().Equal(one.Running.Where(r => r.Kind is ResourceKind.Image or ResourceKind.Volume).Select(r => r.Id), "nothing that leads out is shared: a revision must not have the other's list for as long as both are there");
        one.Running.Select(r => r.Id).Should().Equal(Compile(Listed("a.example.org", "b.example.org:8443", "a.example.org"), Facts).Running.Select(r => r.Id), "it is a set");
    }

    [Test]
    public void Only_what_has_a_host_list_is_told_of_the_proxy_and_another_proxy_gives_way()
    {
        string[] Env(GuardrailsConfig guardrails, params (string Name, string Value)[] asked) =>
            ((ContainerBody)Compile(guardrails, Facts, environment: asked.ToDictionary(a => a.Name, a => new SecretText(a.Value), StringComparer.Ordinal)).Running.Single(r => r.Kind == ResourceKind.Container).Body).Create.Env!.ToArray();

        Env(Listed("a.example.org"), ("HTTPS_PROXY", "http://elsewhere:1"), ("NO_PROXY", "mine"), ("Z", "1")).Should().Equal(
            "HTTPS_PROXY=http://mcp-guard:3128",
            "HTTP_PROXY=http://mcp-guard:3128",
            "NODE_USE_ENV_PROXY=1",
            "NO_PROXY=mine",
            "Z=1",
            "http_proxy=http://mcp-guard:3128",
            "https_proxy=http://mcp-guard:3128",
            "no_proxy=localhost,127.0.0.1,::1");
        Env(Given.Standard, ("HTTPS_PROXY", "http://elsewhere:1")).Should().Equal("HTTPS_PROXY=http://elsewhere:1");
        Env(Given.Restricted with { Filesystem = Given.Standard.Filesystem }).Should().BeEmpty();
    }

    [Test]
    public void A_list_is_strict_but_under_the_two_profiles_that_keep_no_secrets_in()
    {
        bool Strict(string profile) => WayOut.Of(new EffectiveGuardrails(profile, 1, Listed("a.example.org"), []))!.Strict;

        (Strict("standard"), Strict("unrestricted"), Strict("restricted"), Strict("airgapped"), Strict("an-admins-own")).Should().Be((false, false, true, true, true));
    }

    private static GuardrailsConfig Listed(params string[] hosts) => Given.Standard with { Network = new NetworkGuardrails(EgressAllowed: true, hosts, [8080]) };

    [Test]
    public void A_volume_means_recreate_and_stays_when_it_is_to_be_kept()
    {
        Compile(Given.Standard, Facts).Rollout.Should().Be(Rollout.Recreate);
        Compile(Given.Standard, Facts with { Image = Image with { Volumes = [] } }).Rollout.Should().Be(Rollout.BlueGreen);
        Compile(Given.Standard, Facts).Deleted.Should().BeEmpty();
        Compile(Given.Standard, Facts, keepVolumes: true).Deleted.Select(r => r.Kind).Should().Equal(ResourceKind.Volume);
    }

    [Test]
    public void A_server_over_stdin_and_stdout_has_no_network_when_egress_is_closed_and_nothing_of_its_output_is_kept()
    {
        var compiled = Compile(BuiltInProfiles.Airgapped.Config, Facts with { Image = Image with { ExposedPorts = [], Volumes = [] } }, transport: GatewayTransport.Stdio);

        compiled.Refused.Should().BeNull();
        compiled.Rollout.Should().Be(Rollout.Recreate);
        compiled.Endpoint.Should().Be(new Endpoint(Container(compiled).Id, 0, "/mcp", GatewayTransport.Stdio));
        compiled.Running.Select(r => r.Kind).Should().Equal(ResourceKind.Image, ResourceKind.Container);
        var create = ((ContainerBody)Container(compiled).Body).Create;
        create.OpenStdin.Should().BeTrue();
        create.HostConfig.NetworkMode.Should().Be("none");
        create.HostConfig.LogConfig!.Type.Should().Be("none");
        compiled.Report.Single(r => r.Control == Control.Egress).Where.Should().Be("HostConfig.NetworkMode=none");
    }

    [Test]
    public void A_server_over_stdin_and_stdout_with_open_egress_has_its_own_network_and_no_link()
    {
        var compiled = Compile(Given.Standard, Facts, transport: GatewayTransport.Stdio);

        compiled.Running.Select(r => r.Kind).Should().Equal(ResourceKind.Image, ResourceKind.Network, ResourceKind.Volume, ResourceKind.Container);
        ((ContainerBody)Container(compiled).Body).Create.HostConfig.NetworkMode.Should().Be(compiled.Running.Single(r => r.Kind == ResourceKind.Network).Id);
        Container(Compile(Given.Standard, Facts)).Fingerprint.Should().NotBe(Container(compiled).Fingerprint);
    }

    [TestCase("", true, false)]
    [TestCase("0", true, false)]
    [TestCase("00:1", true, false)]
    [TestCase("root:x", true, false)]
    [TestCase("1000", false, false)]
    [TestCase("1000:0", false, false)]
    [TestCase("node", false, true)]
    public void A_user_that_is_root_is_replaced_and_one_by_name_is_looked_up(string user, bool replaced, bool lookedUp)
    {
        var body = (ContainerBody)Container(Compile(Given.Restricted, Facts with { Image = Image with { User = user, Volumes = [] } })).Body;

        body.Create.User.Should().Be(replaced ? DockerCompiler.NobodyElse : null);
        body.MustNotBeRoot.Should().Be(lookedUp);
    }

    [Test]
    public void Apparmor_and_seccomp_profiles_are_set_where_an_admin_configured_them()
    {
        var options = Options with { ApparmorProfiles = ["mcp-standard"], SeccompProfiles = new Dictionary<string, string> { ["tight"] = "{}" } };
        var asked = Given.Standard with { Seccomp = "tight" };
        var input = Given.Input(Id, Given.Revision("docker.io/acme/server:1", asked, Facts), Hash);

        var compiled = new DockerCompiler(options).Compile(input, new DockerControls(options).Report(asked, null));

        ((ContainerBody)Container(compiled).Body).Create.HostConfig.SecurityOpt.Should().Equal("no-new-privileges:true", "seccomp={}", "apparmor=mcp-standard");
    }

    [Test]
    public void An_engine_that_cannot_limit_is_said_to_be_weak()
    {
        var engine = new EngineInfo { SecurityOptions = ["name=apparmor"], MemoryLimit = true, SwapLimit = false };
        var report = new DockerControls(Options).Report(Given.Standard, engine).ToDictionary(r => r.Control, r => r.Outcome);

        report[Control.Cpu].Should().Be(ControlOutcome.Weakened);
        report[Control.Memory].Should().Be(ControlOutcome.Weakened);
        report[Control.Pids].Should().Be(ControlOutcome.Weakened);
        report[Control.Seccomp].Should().Be(ControlOutcome.Weakened);
        report[Control.Apparmor].Should().Be(ControlOutcome.Weakened);
        new DockerControls(Options).Report(Given.Standard, new EngineInfo { SecurityOptions = ["name=seccomp,profile=unconfined"] })
            .Single(r => r.Control == Control.Seccomp).Outcome.Should().Be(ControlOutcome.Weakened);
    }

    private static Resource Container(Compiled compiled) => compiled.Running.Single(r => r.Kind == ResourceKind.Container);

    private static object Body(ResourceBody body) => body switch
    {
        // The legend is a keyed hash a field: the golden file would change with every field, and say nothing.
        ContainerBody c => JsonSerializer.Deserialize<JsonElement>(JsonSerializer.Serialize(c.Create with { Labels = c.Create.Labels!.Where(l => l.Key != DockerNames.Shape).ToDictionary() }, DockerJson.Default.ContainerCreate)),
        NetworkBody n => n.Shape,
        _ => JsonSerializer.SerializeToElement(body, body.GetType()),
    };

    private static Dictionary<string, SecretText> Environment(params (string Name, string Value)[] variables) => variables.ToDictionary(v => v.Name, v => new SecretText(v.Value), StringComparer.Ordinal);

    private static Compiled Compile(
        GuardrailsConfig guardrails,
        ResolvedFacts? facts,
        Dictionary<string, SecretText>? environment = null,
        long restart = 0,
        bool keepVolumes = false,
        int? port = null,
        GatewayTransport? transport = null,
        Source? source = null)
    {
        var revision = Given.Revision("docker.io/acme/server:1", guardrails, facts, port: port);
        revision = revision with { Spec = revision.Spec with { GatewayTransport = transport, Source = source ?? revision.Spec.Source } };
        return new DockerCompiler(Options).Compile(Given.Input(Id, revision, Hash, environment, restart, keepVolumes), new DockerControls(Options).Report(guardrails, null));
    }
}

internal static class Golden
{
    /// <summary>With UPDATE_GOLDEN=1 the file is written instead; the change is then reviewed with the code's.</summary>
    public static void Check(string name, string actual, [CallerFilePath] string here = "")
    {
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            File.WriteAllText(Path.Combine(Path.GetDirectoryName(here)!, "Golden", name), actual + "\n");
            return;
        }

        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Docker", "Golden", name)).TrimEnd().Should().Be(actual);
    }
}
