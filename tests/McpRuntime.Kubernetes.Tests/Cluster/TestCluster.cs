using System.Globalization;
using System.Security.Cryptography;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Kubernetes.Tests.Cluster;

/// <summary>
/// A real Kubernetes cluster of one node, made of the programs in KUBEBUILDER_ASSETS: etcd, API server (with its audit log), controller
/// manager, scheduler, and a kubelet on a Docker Engine of its own. Everything it keeps is in one folder. NetworkPolicies are accepted and
/// not enforced: the network plugin is a plain bridge.
/// </summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private const string PodBridge = "mcprtpods";

    private readonly string _folder;
    private readonly string _token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
    private readonly List<ClusterProgram> _programs = [];
    private readonly int _port = Places.FreePort();
    private readonly int _etcd = Places.FreePort();

    private TestCluster(string folder, NodeEngine node)
    {
        _folder = folder;
        Node = node;
    }

    public NodeEngine Node { get; }

    /// <summary>An administrator's.</summary>
    public string Kubeconfig => In("kubeconfig");

    /// <summary>One JSON event a line: who called what, and what came of it.</summary>
    public string AuditLog => In("audit.log");

    public string Server => $"https://{Node.Address}:{_port}";

    public ClusterProgram ApiServer { get; private set; } = null!;

    public static string Programs => Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS") is { Length: > 0 } named
        ? named
        : Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "mcpruntime", "cluster");

    /// <param name="images">Of the machine's engine, to be on the node too.</param>
    public static async Task<TestCluster> StartAsync(params string[] images)
    {
        if (!File.Exists(Path.Combine(Programs, "kube-apiserver")))
        {
            throw new FileNotFoundException($"There is no kube-apiserver in {Programs}: run `make setup` first.");
        }

        var folder = Directory.CreateTempSubdirectory("mcpruntime-cluster-").FullName;
        var cluster = new TestCluster(folder, await NodeEngine.StartAsync(folder));
        try
        {
            await cluster.StartControlPlaneAsync();
            await cluster.Node.BuildAsync("k8s.gcr.io/pause:3.2", Path.Combine(Programs, "pause"));
            await cluster.StartNodeAsync();
            if (images.Length > 0)
            {
                await cluster.Node.LoadAsync(images);
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>kubectl as the administrator.</summary>
    public Task<Ran> KubectlAsync(params string[] arguments) =>
        Run.Async(Path.Combine(Programs, "kubectl"), ["--kubeconfig", Kubeconfig, .. arguments], TimeSpan.FromMinutes(2));

    /// <summary>Its standard output; a failure is the test's.</summary>
    public async Task<string> KubectlOrFailAsync(params string[] arguments) => (await KubectlAsync(arguments)).Expect("kubectl " + string.Join(' ', arguments));

    /// <summary>kubectl apply of a document given as text.</summary>
    public async Task ApplyAsync(string manifest)
    {
        var file = In($"manifest-{Guid.NewGuid():N}.yaml");
        await File.WriteAllTextAsync(file, manifest);
        await KubectlOrFailAsync("apply", "-f", file);
        File.Delete(file);
    }

    /// <summary>The program that the backends' contract runs inside containers, as an image of the node.</summary>
    public async Task HaveProbeAsync()
    {
        if ((await Node.DockerAsync("image", "inspect", "mcpruntime-tests/probe:1")).Exit == 0)
        {
            return;
        }

        var program = In("probe");
        (await Run.Async("gcc", ["-static", "-O1", "-w", "-s", "-o", program, Path.Combine(AppContext.BaseDirectory, "Docker", "probe.c")])).Expect("gcc");
        await Node.BuildAsync("mcpruntime-tests/probe:1", program, "EXPOSE 8080", "ENV FROM_IMAGE=yes API_KEY=overridden");
    }

    public async Task UntilReadyAsync() => await ApiServer.UntilAsync(async () => (await KubectlAsync("get", "--raw", "/readyz")).Exit == 0, "the API server is ready");

    public async ValueTask DisposeAsync()
    {
        foreach (var program in Enumerable.Reverse(_programs))
        {
            await program.DisposeAsync();
        }

        await Run.Async(Path.Combine(Programs, "kube-proxy"), ["--cleanup"]);
        await Node.DisposeAsync();
        await LetPodsReachOneAnotherAsync("-D");
        await Run.Async("ip", ["link", "del", PodBridge]);
        // Mounts of its Pods may outlive them by a moment.
        await Run.Async("sh", ["-c", "grep -F \"$0\" /proc/mounts | cut -d' ' -f2 | sort -r | xargs -r umount -l", _folder]);
        await Run.Async("rm", ["-rf", _folder]);
    }

    private async Task StartControlPlaneAsync()
    {
        await WriteFilesAsync();
        var peer = Places.FreePort();
        var etcd = Start("etcd",
        [
            "--data-dir", In("etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", $"http://127.0.0.1:{_etcd}", "--advertise-client-urls", $"http://127.0.0.1:{_etcd}",
            "--listen-peer-urls", $"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", $"http://127.0.0.1:{peer}", "--initial-cluster", $"default=http://127.0.0.1:{peer}",
        ]);
        using var http = new HttpClient();
        await etcd.UntilAsync(async () => await AnswersAsync(http, new Uri($"http://127.0.0.1:{_etcd}/health")), "etcd is healthy");
        ApiServer = Start("kube-apiserver", ApiServerArguments());
        await ApiServer.UntilAsync(() => Task.FromResult(File.Exists(In("certificates/apiserver.crt"))), "the API server has a certificate");
        await WriteKubeconfigAsync();
        await UntilReadyAsync();
        Start("kube-controller-manager",
        [
            "--kubeconfig", Kubeconfig, "--leader-elect=false", "--service-account-private-key-file", In("accounts.key"), "--root-ca-file", In("certificates/apiserver.crt"),
            "--use-service-account-credentials=false", "--bind-address=127.0.0.1", Port("--secure-port"), "--port=0", "--cert-dir", In("controller-manager"),
        ]);
        Start("kube-scheduler", ["--kubeconfig", Kubeconfig, "--leader-elect=false", "--bind-address=127.0.0.1", Port("--secure-port"), "--port=0", "--cert-dir", In("scheduler")]);
    }

    private List<string> ApiServerArguments() =>
    [
        "--etcd-servers", $"http://127.0.0.1:{_etcd}",
        "--bind-address", Node.Address, "--advertise-address", Node.Address, "--secure-port", _port.ToString(CultureInfo.InvariantCulture),
        "--cert-dir", In("certificates"),
        "--token-auth-file", In("tokens.csv"),
        "--authorization-mode=RBAC",
        "--service-account-key-file", In("accounts.key"), "--service-account-signing-key-file", In("accounts.key"), "--service-account-issuer=https://kubernetes.default.svc",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--allow-privileged=true",
        // Without it logs and attach look the node's name up.
        "--kubelet-preferred-address-types=InternalIP",
        "--audit-policy-file", In("audit-policy.yaml"), "--audit-log-path", AuditLog, "--audit-log-format=json",
    ];

    private async Task StartNodeAsync()
    {
        await LetPodsReachOneAnotherAsync("-I");
        var kubelet = Start("kubelet",
        [
            "--kubeconfig", Kubeconfig,
            "--container-runtime=docker", "--docker-endpoint", $"unix://{Node.Socket}", "--experimental-dockershim-root-directory", In("dockershim"),
            "--network-plugin=cni", "--cni-bin-dir=/usr/lib/cni", "--cni-conf-dir", In("cni"), "--cni-cache-dir", In("cni-cache"),
            "--root-dir", In("kubelet"), "--cert-dir", In("kubelet-certificates"), "--volume-plugin-dir", In("volume-plugins"),
            "--cgroup-driver=cgroupfs", "--cgroups-per-qos=false", "--enforce-node-allocatable=", "--fail-swap-on=false", "--eviction-hard=", "--make-iptables-util-chains=false",
            "--anonymous-auth=true", "--authentication-token-webhook=false", "--authorization-mode=AlwaysAllow", "--read-only-port=0", "--healthz-port=0",
            Port("--port"), "--address", Node.Address, "--node-ip", Node.Address, "--hostname-override=node1", "--resolv-conf", In("resolv.conf"),
            "--image-gc-high-threshold=100", "--serialize-image-pulls=false", "--registry-qps=50", "--registry-burst=100", "--event-qps=50", "--event-burst=100",
        ]);
        await kubelet.UntilAsync(
            async () => (await KubectlAsync("get", "node", "node1", "-o", "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}")).Output == "True", "the node is ready");
        await kubelet.UntilAsync(
            async () => (await KubectlAsync("get", "serviceaccount", "default", "-n", "default")).Exit == 0, "the controllers work");
        await StartProxyAsync();
    }

    /// <summary>Services' addresses. Pods call each other over one bridge: without the masquerade an answer would come past the translation.</summary>
    private async Task StartProxyAsync()
    {
        var health = Places.FreePort();
        var proxy = Start("kube-proxy",
        [
            "--kubeconfig", Kubeconfig, "--proxy-mode=iptables", "--masquerade-all", "--hostname-override=node1", "--bind-address", Node.Address,
            $"--healthz-bind-address=127.0.0.1:{health}", $"--metrics-bind-address=127.0.0.1:{Places.FreePort()}", "--conntrack-max-per-core=0", "--conntrack-min=0",
            "--conntrack-tcp-timeout-established=0s", "--conntrack-tcp-timeout-close-wait=0s",
        ]);
        using var http = new HttpClient();
        await proxy.UntilAsync(async () => await AnswersAsync(http, new Uri($"http://127.0.0.1:{health}/healthz")), "kube-proxy has written its rules");
    }

    /// <summary>The machine's own Docker Engine has what crosses any bridge dropped unless a rule lets it.</summary>
    /// <param name="verb"><c>-I</c>, or <c>-D</c>.</param>
    private static async Task LetPodsReachOneAnotherAsync(string verb)
    {
        foreach (var side in new[] { "-i", "-o" })
        {
            await Run.Async("iptables", ["-w", verb, "FORWARD", side, PodBridge, "-j", "ACCEPT"]);
        }
    }

    private async Task WriteFilesAsync()
    {
        Directory.CreateDirectory(In("cni"));
        await File.WriteAllTextAsync(In("tokens.csv"), $"{_token},admin,admin,system:masters\n");
        using var key = RSA.Create(2048);
        await File.WriteAllTextAsync(In("accounts.key"), key.ExportRSAPrivateKeyPem());
        // A resolver that never answers: what a Pod of the test asks for must not leave the machine.
        await File.WriteAllTextAsync(In("resolv.conf"), "nameserver 192.0.2.1\n");
        await File.WriteAllTextAsync(In("audit-policy.yaml"), "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n");
        await File.WriteAllTextAsync(In("cni/10-pods.conf"), $$"""
            {"cniVersion": "0.3.1", "name": "pods", "type": "bridge", "bridge": "{{PodBridge}}", "isGateway": true, "ipMasq": false, "hairpinMode": true,
             "ipam": {"type": "host-local", "subnet": "10.217.0.0/16", "dataDir": "{{In("cni-addresses")}}", "routes": [{"dst": "0.0.0.0/0"}]} }
            """);
    }

    private Task WriteKubeconfigAsync() => File.WriteAllTextAsync(Kubeconfig, $$"""
        apiVersion: v1
        kind: Config
        clusters: [{name: test, cluster: {server: "{{Server}}", certificate-authority: "{{In("certificates/apiserver.crt")}}" } }]
        users: [{name: admin, user: {token: "{{_token}}" } }]
        contexts: [{name: test, context: {cluster: test, user: admin} }]
        current-context: test
        """);

    private ClusterProgram Start(string program, IReadOnlyList<string> arguments)
    {
        var started = new ClusterProgram(Path.Combine(Programs, program), arguments);
        _programs.Add(started);
        started.Start();
        return started;
    }

    private static string Port(string flag) => $"{flag}={Places.FreePort().ToString(CultureInfo.InvariantCulture)}";

    private static async Task<bool> AnswersAsync(HttpClient http, Uri address)
    {
        try
        {
            using var reply = await http.GetAsync(address);
            return reply.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private string In(string name) => Path.Combine(_folder, name);
}
