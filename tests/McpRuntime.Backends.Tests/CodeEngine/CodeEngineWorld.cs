using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.Git;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Backends.Tests.Git;
using McpRuntime.CodeEngineDouble.Driver;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Backends.Tests.CodeEngine;

internal sealed class CodeEngineWorld : IContractWorld
{
    private readonly List<ServiceProvider> _services = [];
    private readonly string _work = Directory.CreateTempSubdirectory("code-engine-").FullName;

    private CodeEngineWorld(DoubleProcess process, GitServer git, string commit) => (Double, Git, Commit) = (process, git, commit);

    public DoubleProcess Double { get; }

    public GitServer Git { get; }

    public string Repository => Git.Url("acme/server");

    /// <summary>Of <see cref="Repository"/>.</summary>
    public string Commit { get; }

    public IBackend Backend { get; private set; } = null!;

    public IBackend Unreachable { get; private set; } = null!;

    public KeyedHash Hash { get; } = new([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    public string InstanceId { get; } = "contract-" + Guid.NewGuid().ToString("N")[..8];

    public string Image => "docker.io/library/probe@sha256:" + new string('a', 64);

    public WorldTraits Traits { get; } = new(Volumes: false, EditsInPlace: false, SeparatesStreams: false, Port: null);

    public CodeEngineOptions Options => new()
    {
        ApiKey = new SecretText(DoubleProcess.ApiKey),
        ProjectId = DoubleProcess.Project,
        Region = "eu-de",
        Url = Double.Url,
        IamUrl = Double.Url,
        KubeConfigUrl = Double.Url,
        RegistrySecret = "pull",
        BuildRegistry = "us.icr.io/acme",
        HintEvery = TimeSpan.FromMilliseconds(100),
    };

    public static async Task<CodeEngineWorld> OpenAsync()
    {
        var git = await GitServer.StartAsync();
        var commit = await git.CreateAsync("acme/server", ("Dockerfile", "# syntax=docker/dockerfile:1\nFROM node:22\nRUN --mount=type=cache,target=/root/.npm true\n"));
        var world = new CodeEngineWorld(await DoubleProcess.StartAsync(), git, commit);
        await world.ResetAsync();
        world.Backend = world.Make(world.Options);
        world.Unreachable = world.Make(world.Options with { Url = new Uri("http://127.0.0.1:1") });
        return world;
    }

    /// <summary>An empty project but for what every project of ours has: the registry's secret.</summary>
    public async Task ResetAsync()
    {
        await Double.ResetAsync();
        var data = new { username = "iamapikey", password = "r3g1stry", server = "us.icr.io" };
        await Double.SendAsync(HttpMethod.Post, "secrets", new { name = "pull", format = "registry", data });
    }

    public IBackend Make(CodeEngineOptions options, TimeProvider? time = null, Func<string, string>? pinned = null)
    {
        var services = new ServiceCollection()
            .AddLogging()
            .AddSingleton(time ?? TimeProvider.System)
            .AddGit(new GitOptions { DataFolder = _work, AllowedHosts = [Git.Authority], AllowedAddresses = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")], AuthoritiesFile = Git.Authorities })
            .AddCodeEngineBackend(options, _ => new CodeEngineInstallation(_ => Task.FromResult(InstanceId), (id, _) => Task.FromResult(pinned?.Invoke(id) ?? id), Hash))
            .BuildServiceProvider();
        _services.Add(services);
        return services.GetRequiredService<IBackend>();
    }

    public async Task<IReadOnlyList<string>> TrueStateAsync(RuntimeIdentity id)
    {
        var state = await Double.StateAsync();
        return
        [
            .. All(state).Where(thing => thing.ToJsonString().Contains(id.RecordId, StringComparison.Ordinal) && thing.ToJsonString().Contains(id.InstanceId, StringComparison.Ordinal))
                .Select(thing => $"{thing["name"]} {thing["id"]} {thing["entity_tag"]} {thing["status_details"]?["latest_created_revision"]}"),
        ];
    }

    public static IEnumerable<JsonNode> All(JsonObject state) => state.SelectMany(kind => kind.Value!.AsArray()).Select(thing => thing!);

    public async Task<string> MakeForeignAsync(RuntimeIdentity id)
    {
        var name = $"mcp-{id.Short}-foreign";
        await Double.SendAsync(HttpMethod.Post, "apps", new
        {
            name,
            image_reference = Image,
            run_env_variables = new[] { new { type = "literal", name = "MCPRUNTIME_INSTANCE", value = "somebody-else" }, new { type = "literal", name = "MCPRUNTIME_RECORD", value = id.RecordId } },
        });
        await Double.SendAsync(HttpMethod.Post, "secrets", new { name = name + "-env", format = "generic", data = new { KEY = "theirs" } });
        await Double.SendAsync(HttpMethod.Post, "builds", new { name = name + "-build", output_image = "us.icr.io/theirs/x:1", output_secret = "pull", strategy_type = "dockerfile", source_url = "https://example.org/theirs/x" });
        await Double.SendAsync(HttpMethod.Post, "build_runs", new { name = name + "-run", build_name = name + "-build" });
        return name;
    }

    public async Task<bool> ForeignIsUntouchedAsync(string handle)
    {
        var state = await Double.StateAsync();
        return All(state).Any(t => t["name"]!.ToString() == handle && t["status_details"]!["latest_created_revision"]!.ToString() == handle + "-00001")
            && All(state).Any(t => t["name"]!.ToString() == handle + "-env" && t["data"]!["KEY"]!.ToString() == "theirs")
            && All(state).Any(t => t["name"]!.ToString() == handle + "-build" && t["output_image"]!.ToString() == "us.icr.io/theirs/x:1")
            && All(state).Any(t => t["name"]!.ToString() == handle + "-run" && t["build_name"]!.ToString() == handle + "-build");
    }

    public async Task RemoveForeignAsync(string handle)
    {
        foreach (var thing in new[] { $"apps/{handle}", $"secrets/{handle}-env", $"build_runs/{handle}-run", $"builds/{handle}-build" })
        {
            await Double.SendAsync(HttpMethod.Delete, thing);
        }
    }

    public Task KillAsync(string containerId) => Double.SendAsync(HttpMethod.Post, $"apps/{containerId}/kill", new { exit_code = 137 });

    public Task RemoveByHandAsync(string containerId) => Double.SendAsync(HttpMethod.Delete, $"apps/{containerId}");

    public Task EditByHandAsync(string containerId) => EditByHandAsync(containerId, "4G");

    public Task EditByHandAsync(string containerId, string memory) => Double.SendAsync(HttpMethod.Post, $"apps/{containerId}/edit", new { scale_cpu_limit = "0.5", scale_memory_limit = memory });

    /// <summary>What halts an app is to hide it.</summary>
    public async Task<string> PauseByHandAsync(string containerId)
    {
        await Double.SendAsync(HttpMethod.Post, $"apps/{containerId}/edit", new { managed_domain_mappings = "local" });
        return "managed_domain_mappings";
    }

    /// <summary>Of the backends made since the world's own two, each of which holds connections.</summary>
    public async Task LetGoAsync()
    {
        foreach (var services in _services.Skip(2))
        {
            await services.DisposeAsync();
        }

        _services.RemoveRange(2, _services.Count - 2);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var services in _services)
        {
            await services.DisposeAsync();
        }

        await Double.DisposeAsync();
        await Git.DisposeAsync();
        Directory.Delete(_work, recursive: true);
    }
}
