using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Kubernetes;

[TestFixture]
internal sealed class CompilerTests
{
    private static readonly string[] Sharings = ["hostNetwork", "hostPID", "hostIPC"];
    private static readonly string[] Addable = ["NET_BIND_SERVICE"];
    private static readonly KeyedHash Hash = new([1, 2, 3]);
    private static readonly ResolvedFacts Facts = new("docker.io/acme/server@sha256:" + new string('a', 64), PinIsRegistryDigest: true, Commit: null, Image: null);

    [Test]
    public void Standard_and_stricter_pass_restricted_pod_security([Values] bool restricted)
    {
        var pod = PodOf(Compile(restricted ? Given.Restricted : Given.Standard));
        var security = pod["containers"]![0]!["securityContext"]!;

        // The fields of the Pod Security Standards' "restricted", one by one.
        Sharings.Should().OnlyContain(field => pod[field] == null);
        pod["volumes"].Objects().Should().OnlyContain(v => v["emptyDir"] != null);
        pod["securityContext"]!["seccompProfile"]!["type"]!.GetValue<string>().Should().Be("RuntimeDefault");
        security["privileged"]!.GetValue<bool>().Should().BeFalse();
        security["allowPrivilegeEscalation"]!.GetValue<bool>().Should().BeFalse();
        security["runAsNonRoot"]!.GetValue<bool>().Should().BeTrue();
        security["runAsUser"]!.GetValue<long>().Should().BePositive();
        security["capabilities"]!["drop"].Texts().Should().Equal("ALL");
        security["capabilities"]!["add"].Texts().Should().BeSubsetOf(Addable);
        pod["containers"]![0]!["ports"].Objects().Should().OnlyContain(p => p["hostPort"] == null);
    }

    [Test]
    public void A_pod_has_no_token_and_starts_after_its_policy()
    {
        var compiled = Compile(Given.Restricted);
        var container = compiled.Running.Single(r => r.Kind is ResourceKind.Container);

        PodOf(compiled)["automountServiceAccountToken"]!.GetValue<bool>().Should().BeFalse();
        container.DependsOn.Should().Contain(compiled.Running.Single(r => r.Kind is ResourceKind.NetworkPolicy).Id);
        compiled.Stopped.Should().NotContain(r => r.Kind == ResourceKind.Container);
        compiled.Deleted.Should().BeEmpty();
    }

    [Test]
    public void Closed_egress_has_no_way_out_and_open_egress_not_to_the_metadata_address()
    {
        var closed = PolicyOf(Compile(Given.Restricted));
        var open = PolicyOf(Compile(Given.Standard));

        closed["policyTypes"].Texts().Should().Equal("Ingress", "Egress");
        closed["egress"].Objects().Should().BeEmpty();
        open["egress"]![0]!["to"]![0]!["ipBlock"]!["except"].Texts().Should().Equal("169.254.0.0/16");
        closed["ingress"]![0]!["from"].Objects().Should().NotBeEmpty();
    }

    [Test]
    public void Secrets_are_in_the_secret_alone_and_another_value_is_another_deployment()
    {
        var one = Compile(Given.Standard, ("KEY", "c4n4ry"));
        var two = Compile(Given.Standard, ("KEY", "other"));
        var container = one.Running.Single(r => r.Kind is ResourceKind.Container);

        ((ObjectBody)container.Body).Manifest.ToJsonString().Should().NotContain("c4n4ry").And.NotContain(Convert.ToBase64String("c4n4ry"u8));
        container.ToString().Should().NotContain("c4n4ry");
        one.Running.Single(r => r.Kind is ResourceKind.Secret).ToString().Should().NotContain("c4n4ry");
        two.Running.Single(r => r.Kind is ResourceKind.Container).Id.Should().NotBe(container.Id);
    }

    [Test]
    public void What_the_server_fills_in_is_no_difference_and_what_somebody_adds_is_one()
    {
        var body = (ObjectBody)Compile(Given.Standard).Running.Single(r => r.Kind is ResourceKind.Container).Body;
        var live = body.Manifest.DeepClone().AsObject();
        var pod = live["spec"]!["template"]!["spec"]!;
        pod["restartPolicy"] = "Always";
        pod["dnsPolicy"] = "ClusterFirst";
        pod["schedulerName"] = "default-scheduler";
        pod["serviceAccount"] = pod["serviceAccountName"]!.GetValue<string>();
        pod["containers"]![0]!["terminationMessagePath"] = "/dev/termination-log";
        pod["containers"]![0]!["terminationMessagePolicy"] = "File";
        pod["containers"]![0]!["resources"]!["limits"]!["memory"] = "64Mi";
        live["spec"]!["template"]!["metadata"]!["annotations"] = new JsonObject { ["kubectl.kubernetes.io/restartedAt"] = "now" };
        var legend = live["metadata"]!["annotations"]![KubernetesNames.Shape]!.GetValue<string>();

        ObjectShape.Of(KubeKind.Deployment, live).Fingerprint(Hash).Should().Be(body.Shape.Fingerprint(Hash));
        pod["hostPID"] = true;
        ObjectShape.Of(KubeKind.Deployment, live).Fingerprint(Hash).Should().NotBe(body.Shape.Fingerprint(Hash));
        ObjectShape.Of(KubeKind.Deployment, live).DifferingFrom(legend, Hash).Should().Equal("spec.template.spec.hostPID");
    }

    [Test]
    public void What_cant_run_here_is_refused_with_what_to_do()
    {
        var repository = Given.Revision("x") with { Spec = Given.Revision("x").Spec with { Volumes = ["/data"] } };

        new KubernetesCompiler(new KubernetesOptions()).Compile(Given.Input(Given.Identity("i"), repository, Hash), []).Refused!.Message.Should().Contain("/data").And.Contain("docker");
        Compile(Given.Standard with { Images = new ImageGuardrails(RequireDigest: true) }, facts: Facts with { PinIsRegistryDigest = false }).Refused!.Reason.Should().Be("DigestRequired");
    }

    [TestCase("500m", "0.5")]
    [TestCase("64Mi", "67108864")]
    [TestCase("1e3", "1k")]
    public void The_forms_of_an_amount_are_one(string one, string other)
    {
        KubeQuantity.TryParse(one, out var first).Should().BeTrue();
        KubeQuantity.TryParse(other, out var second).Should().BeTrue();
        first.Should().Be(second);
    }

    private static Compiled Compile(GuardrailsConfig guardrails, params (string Name, string Value)[] environment) => Compile(guardrails, Facts, environment);

    private static Compiled Compile(GuardrailsConfig guardrails, ResolvedFacts facts, params (string Name, string Value)[] environment) =>
        new KubernetesCompiler(new KubernetesOptions()).Compile(
            Given.Input(Given.Identity("instance"), Given.Revision("acme/server", guardrails, facts), Hash, environment.ToDictionary(e => e.Name, e => new SecretText(e.Value), StringComparer.Ordinal)), []);

    private static JsonObject PodOf(Compiled compiled) => ManifestOf(compiled, ResourceKind.Container)["spec"]!["template"]!["spec"]!.AsObject();

    private static JsonObject PolicyOf(Compiled compiled) => ManifestOf(compiled, ResourceKind.NetworkPolicy)["spec"]!.AsObject();

    private static JsonObject ManifestOf(Compiled compiled, ResourceKind kind) => ((ObjectBody)compiled.Running.Single(r => r.Kind == kind).Body).Manifest;
}
