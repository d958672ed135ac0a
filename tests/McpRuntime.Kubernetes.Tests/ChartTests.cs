using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>The chart as helm and the API server see it.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class ChartTests
{
    private const string Space = "charted";

    private readonly TestCluster _cluster = TheCluster.It;

    public static IEnumerable<string> ValuesFiles() => Directory.GetFiles(Helm.Chart, "values-*.yaml").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal);

    [Test]
    public async Task Helm_finds_no_fault_in_it() => (await Helm.RunAsync(_cluster, "lint", Helm.Chart, "--strict")).Expect("helm lint");

    [TestCaseSource(nameof(ValuesFiles))]
    public async Task Every_documented_values_file_makes_objects_that_the_API_server_takes(string file)
    {
        await _cluster.KubectlAsync("create", "namespace", Space);
        await _cluster.KubectlAsync("create", "namespace", "mcp-runtimes");
        var text = (await Helm.RunAsync(_cluster, "template", "r", Helm.Chart, "-n", Space, "-f", Path.Combine(Helm.Chart, file), "--api-versions", "policy/v1beta1", "--kube-version", "1.20.2")).Expect("helm template");
        // Kinds of operators that are not on this cluster.
        var documents = text.Split("\n---\n").Where(document => !document.Contains("monitoring.coreos.com", StringComparison.Ordinal) && !document.Contains("gateway.networking.k8s.io", StringComparison.Ordinal)).ToList();
        documents.Should().HaveCountGreaterThan(8);
        var manifest = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"chart-{file}");
        await File.WriteAllTextAsync(manifest, string.Join("\n---\n", documents));

        var taken = (await _cluster.KubectlAsync("apply", "--server-side", "--dry-run=server", "-o", "json", "-f", manifest)).Expect("kubectl apply");
        RestrictedPods.Faults(JsonNode.Parse(taken)!, out var pods).Should().BeEmpty();
        pods.Should().Be(2, "the Deployment's and the test's");
    }

    [TestCase("PersistentVolumeClaim")]
    [TestCase("Namespace")]
    public async Task What_holds_what_the_release_made_is_kept_when_it_goes(string kind)
    {
        var text = (await Helm.RunAsync(_cluster, "template", "r", Helm.Chart, "-f", Path.Combine(Helm.Chart, "values-sqlite.yaml"))).Expect("helm template");

        text.Split("\n---\n").Where(document => document.Contains($"\nkind: {kind}\n", StringComparison.Ordinal)).Should().ContainSingle().Which.Should().Contain("helm.sh/resource-policy: keep");
    }

    [Test]
    public async Task The_definitions_that_come_with_it_are_those_of_the_checkout_and_are_kept_when_it_goes()
    {
        var files = Directory.GetFiles(Path.Combine(Places.Checkout, "crds"), "*.yaml").Order(StringComparer.Ordinal).ToList();
        var copies = Path.Combine(Helm.Chart, "files", "crds");
        Directory.GetFiles(copies).Select(file => Path.GetFileName(file)).Should().BeEquivalentTo(files.Select(file => Path.GetFileName(file)));
        foreach (var file in files)
        {
            (await File.ReadAllTextAsync(Path.Combine(copies, Path.GetFileName(file)))).Should().Be(await File.ReadAllTextAsync(file), "cp crds/*.yaml charts/mcp-runtime/files/crds/");
        }

        var text = (await Helm.RunAsync(_cluster, "template", "r", Helm.Chart, "-f", Path.Combine(Helm.Chart, "values-custom-resources.yaml"))).Expect("helm template");
        var made = text.Split("\n---\n").Where(document => document.Contains("kind: CustomResourceDefinition", StringComparison.Ordinal)).ToList();
        made.Should().HaveSameCount(files).And.OnlyContain(document => document.Contains("\n    helm.sh/resource-policy: keep\n", StringComparison.Ordinal));
        foreach (var (document, file) in made.Zip(files))
        {
            var spec = (await File.ReadAllTextAsync(file)).Split("\nspec:\n")[1].Trim();
            document.Should().Contain(spec);
        }
    }

    [TestCase("""{"hostPID": true}""", "Pod/p: hostPID")]
    [TestCase("""{"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}""", "Pod/p: volumes[*].hostPath")]
    [TestCase("""{"securityContext": {"runAsUser": 0}}""", "Pod/p: securityContext.runAsUser")]
    [TestCase("""{"securityContext": {"seccompProfile": {"type": "Unconfined"}}}""", "Pod/p: c: seccompProfile")]
    [TestCase("""{"containers": [{"name": "c"}]}""", "Pod/p: c: allowPrivilegeEscalation", "Pod/p: c: capabilities.drop")]
    [TestCase("""{"containers": [{"name": "c", "securityContext": {"allowPrivilegeEscalation": false, "privileged": true, "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}}]}""", "Pod/p: c: privileged", "Pod/p: c: capabilities.add")]
    public void A_field_that_the_restricted_level_refuses_is_found(string change, params string[] faults)
    {
        var pod = JsonNode.Parse("""
            {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
             "containers": [{"name": "c", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}]}}
            """)!;
        RestrictedPods.Faults(pod, out _).Should().BeEmpty();
        foreach (var (name, value) in JsonNode.Parse(change)!.AsObject())
        {
            pod["spec"]![name] = value?.DeepClone();
        }

        RestrictedPods.Faults(pod, out _).Should().Contain(faults);
    }

    [TestCase("replicas=2", "replicas")]
    [TestCase("settings.RUNTIME_MASTER_KEY=x", "RUNTIME_MASTER_KEY")]
    [TestCase("settings.RUNTIME_DATABASE_URL=x", "RUNTIME_DATABASE_URL")]
    [TestCase("replica=1", "replica")]
    [TestCase("runtimes.networkPolicy=maybe", "networkPolicy")]
    [TestCase("customResources.watchNamespaces={Team}", "watchNamespaces")]
    public async Task A_value_that_can_not_be_is_refused_by_its_name(string value, string name)
    {
        var ran = await Helm.RunAsync(_cluster, "template", "r", Helm.Chart, "--set", value);

        ran.Exit.Should().NotBe(0);
        ran.Errors.Should().Contain(name);
    }
}
