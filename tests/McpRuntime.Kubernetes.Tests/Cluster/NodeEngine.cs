using System.Globalization;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Kubernetes.Tests.Cluster;

/// <summary>The node's own Docker Engine: images that are loaded into it are the node's.</summary>
internal sealed class NodeEngine : IAsyncDisposable
{
    /// <summary>Refused negative by some kernels, and asked for by every Pod sandbox: the one thing that the wrapper changes.</summary>
    private const string Wrapper = """
        #!/bin/sh
        for word; do
          [ "$last" = --bundle ] && bundle=$word
          last=$word
        done
        [ -z "$bundle" ] || sed -i 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' "$bundle/config.json"
        exec runc "$@"
        """;

    private readonly string _folder;
    private readonly ClusterProgram _dockerd;

    private NodeEngine(string folder)
    {
        _folder = folder;
        Socket = Path.Combine(folder, "docker.sock");
        Runtime = Path.Combine(folder, "runc-node");
        _dockerd = new ClusterProgram("dockerd",
        [
            "--data-root", Path.Combine(folder, "docker"),
            "--exec-root", Path.Combine(folder, "docker-exec"),
            "--pidfile", Path.Combine(folder, "docker.pid"),
            "--host", $"unix://{Socket}",
            "--bridge", Bridge,
            "--iptables=false",
            "--ip-masq=false",
            "--add-runtime", $"node={Runtime}",
            "--default-runtime", "node",
        ]);
    }

    public string Socket { get; }

    /// <summary>The node's: not a loopback one, which the kubelet refuses.</summary>
    public string Address { get; } = "198.19.251.1";

    private string Runtime { get; }

    // A default bridge of its own: without one an engine removes docker0, which may be another engine's.
    private string Bridge { get; } = string.Create(CultureInfo.InvariantCulture, $"mcprtn{Environment.ProcessId % 10000}");

    public static async Task<NodeEngine> StartAsync(string folder)
    {
        var engine = new NodeEngine(folder);
        await File.WriteAllTextAsync(engine.Runtime, Wrapper);
        File.SetUnixFileMode(engine.Runtime, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        await Run.Async("ip", ["link", "add", engine.Bridge, "type", "bridge"]);
        await Run.Async("ip", ["addr", "add", $"{engine.Address}/24", "dev", engine.Bridge]);
        await Run.Async("ip", ["link", "set", engine.Bridge, "up"]);
        engine._dockerd.Start();
        await engine._dockerd.UntilAsync(async () => (await engine.DockerAsync("version")).Exit == 0, "the node's engine answers");
        return engine;
    }

    public Task<Ran> DockerAsync(params string[] arguments) => Run.Async("docker", ["-H", $"unix://{Socket}", .. arguments], TimeSpan.FromMinutes(3));

    /// <summary>From the machine's engine, where they were built.</summary>
    public async Task LoadAsync(params string[] images)
    {
        var archive = Path.Combine(_folder, "images.tar");
        (await Run.Async("docker", ["save", "-o", archive, .. images], TimeSpan.FromMinutes(3))).Expect("docker save");
        (await DockerAsync("load", "-q", "-i", archive)).Expect("docker load");
        File.Delete(archive);
    }

    /// <summary>One program as a whole image.</summary>
    public async Task BuildAsync(string image, string program, params string[] instructions)
    {
        var context = Directory.CreateTempSubdirectory("mcpruntime-context-").FullName;
        var name = Path.GetFileName(program);
        File.Copy(program, Path.Combine(context, name));
        await File.WriteAllLinesAsync(Path.Combine(context, "Dockerfile"), ["FROM scratch", $"COPY {name} /{name}", $"ENTRYPOINT [\"/{name}\"]", .. instructions]);
        (await DockerAsync("build", "-q", "-t", image, context)).Expect("docker build");
        Directory.Delete(context, recursive: true);
    }

    public async ValueTask DisposeAsync()
    {
        var running = (await DockerAsync("ps", "-aq")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (running.Length > 0)
        {
            await DockerAsync(["rm", "-f", .. running]);
        }

        await _dockerd.StopAsync();
        await Run.Async("ip", ["link", "del", Bridge]);
    }
}
