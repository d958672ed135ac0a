using System.Net;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>Two replicas on a PostgreSQL that runs in the cluster, as values-postgresql.yaml has them.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class ReleasedReplicasTests
{
    private const string Password = "d4t4base-pw";

    private readonly TestCluster _cluster = TheCluster.It;

    private readonly Release _release = new("replicas", "");

    [Test]
    public async Task Both_replicas_serve_and_the_one_that_is_left_goes_on_repairing()
    {
        await _cluster.KubectlOrFailAsync("create", "namespace", _release.Space);
        await HaveDatabaseAsync();
        await _release.PrepareAsync(("database-url", $"postgres://app:{Password}@{await AddressAsync("database")}:5432/postgres"), ("jwt-secret", new string('j', 40)));
        await _release.InstallAsync("-f", Path.Combine(Helm.Chart, "values-postgresql.yaml"), "--set-string", "settings.RUNTIME_APPROVAL_ENABLED=false");
        var pods = await PodsAsync();
        pods.Should().HaveCount(2);
        (await _cluster.KubectlOrFailAsync("get", "poddisruptionbudget", "-n", _release.Space, "-o", "name")).Should().Contain("mcp-runtime");

        using var first = await _release.ReachAsync($"http://{pods[0].Address}:8080");
        using var second = await _release.ReachAsync($"http://{pods[1].Address}:8080");
        var id = (await first.DeployAsync(Requests.FromImage("shared", Requests.Sample))).Id;
        await second.UntilAsync(id, "connected");
        foreach (var replica in new[] { first, second })
        {
            (await McpClients.CallAsync(replica.Mcp("shared"), replica.Token, "echo", ("message", "both"))).Should().Be("both");
        }

        var leads = await LeadsAsync(first);
        (await LeadsAsync(second)).Should().Be(!leads, "one of them leads");
        await LoseAsync(pods[leads ? 0 : 1]);
        await _cluster.KubectlOrFailAsync("delete", "deployment", "-n", _release.Servers, "-l", $"dev.mcpruntime/record={id}");
        using var left = await _release.ReachAsync();
        await Eventually.TrueAsync(async () => await AnswersAsync(left), TimeSpan.FromSeconds(90), "who took over has made it anew, and it answers");
        await left.DeleteAsync(id);
        await left.UntilAsync(id, "deleted");
        await _release.UninstallAsync();
    }

    private static async Task<bool> LeadsAsync(RuntimeApi replica) => (await replica.GetAsync("/readyz")).Expect(HttpStatusCode.OK).Body!["lease"]!.GetValue<string>() == "leader";

    /// <summary>Without a word: as a node that loses power.</summary>
    private Task<string> LoseAsync(Replica pod) => _cluster.KubectlOrFailAsync("delete", "pod", pod.Name, "-n", _release.Space, "--grace-period=0", "--force");

    private static async Task<bool> AnswersAsync(RuntimeApi api)
    {
        try
        {
            return await McpClients.CallAsync(api.Mcp("shared"), api.Token, "echo", ("message", "again")) == "again";
        }
        catch (Exception fault) when (fault is HttpRequestException or ModelContextProtocol.McpException or IOException)
        {
            return false;
        }
    }

    private async Task HaveDatabaseAsync()
    {
        await _cluster.ApplyAsync($$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: database, namespace: {{_release.Space}}, labels: {app: database} }
            spec:
              securityContext: {fsGroup: 10001}
              containers:
                - name: database
                  image: mcpruntime/database:latest
                  imagePullPolicy: Never
                  env: [{name: POSTGRES_PASSWORD, value: {{Password}} }]
                  volumeMounts: [{name: data, mountPath: /data}]
                  readinessProbe: {exec: {command: [pg_isready, -h, 127.0.0.1]}, periodSeconds: 1}
              volumes: [{name: data, emptyDir: {} }]
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: database, namespace: {{_release.Space}} }
            spec: {selector: {app: database}, ports: [{port: 5432}]}
            """);
        await _cluster.KubectlOrFailAsync("wait", "-n", _release.Space, "--for=condition=Ready", "pod/database", "--timeout=60s");
    }

    private async Task<string> AddressAsync(string service) =>
        (await _cluster.KubectlOrFailAsync("get", "service", service, "-n", _release.Space, "-o", "jsonpath={.spec.clusterIP}")).Trim();

    private async Task<IReadOnlyList<Replica>> PodsAsync() =>
        [.. (await _cluster.KubectlOrFailAsync(
                "get", "pods", "-n", _release.Space, "-l", "app.kubernetes.io/name=mcp-runtime", "-o", "jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{\"\\n\"}{end}"))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')).Select(parts => new Replica(parts[0], parts[1]))];

    private sealed record Replica(string Name, string Address);
}
