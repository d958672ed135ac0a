using System.Collections.Concurrent;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Backends.Git;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Backends.Tests.Docker;

internal sealed class DockerWorld : IContractWorld
{
    private readonly string _tag = "contract-" + Guid.NewGuid().ToString("N")[..8];
    private readonly List<string> _foreign = [];
    private readonly List<string> _images = [];
    private readonly List<ServiceProvider> _services = [];
    private string? _pinned;

    public RealEngine Engine { get; } = new();

    public FakeGuard Guard { get; } = new();

    public IBackend Backend { get; private set; } = null!;

    public IBackend Unreachable { get; private set; } = null!;

    public KeyedHash Hash { get; } = new([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    public string InstanceId => _tag;

    public string Image { get; private set; } = "";

    /// <summary>RUNTIME_DOCKER_SUBNET_POOL of these tests: not the default, which a service on this machine may use.</summary>
    public DockerOptions Options { get; init; } = new() { Host = RealEngine.Socket, SubnetPool = "10.214.0.0/16" };

    /// <summary>Which repositories may be built.</summary>
    public GitOptions Git { get; init; } = new() { DataFolder = Path.Combine(Path.GetTempPath(), "mcpruntime-tests-git") };

    public static async Task<DockerWorld> OpenAsync(DockerOptions? options = null, GitOptions? git = null)
    {
        var world = options is null ? new DockerWorld() : new DockerWorld { Options = options };
        world = git is null ? world : new DockerWorld { Options = world.Options, Git = git };
        world.Guard.SubnetOf = async network => (await world.Engine.GetAsync($"networks/{network}"))!.Value.GetProperty("IPAM").GetProperty("Config")[0].GetProperty("Subnet").GetString()!;
        world.Backend = world.Make(world.Options);
        world.Unreachable = world.Make(world.Options with { Host = "/nowhere/docker.sock" });
        world.Image = await world.ImportAsync("probe", null, "EXPOSE 8080", "ENV FROM_IMAGE=yes API_KEY=overridden");
        return world;
    }

    public async Task<string> ImportAsync(string name, string? passwd, params string[] instructions)
    {
        var reference = await Engine.ImportAsync($"docker.io/{_tag}/{name}:1", passwd, instructions);
        _images.Add(reference);
        return reference;
    }

    /// <param name="engineId">What is pinned; null = whatever answers first.</param>
    public IBackend Make(DockerOptions options, string? engineId = null)
    {
        var services = new ServiceCollection()
            .AddLogging()
            .AddSingleton(TimeProvider.System)
            .AddSingleton(new Random(1))
            .AddSingleton<IGuard>(Guard)
            .AddGit(Git)
            .AddSingleton<IGuardPolicies>(Guard)
            .AddDockerBackend(options, _ => new DockerInstallation(_ => Task.FromResult(_tag), (id, _) => Task.FromResult(engineId ?? (_pinned ??= id)), Hash))
            .BuildServiceProvider();
        _services.Add(services);
        return services.GetRequiredService<IBackend>();
    }

    public async Task<IReadOnlyList<string>> TrueStateAsync(RuntimeIdentity id)
    {
        var filter = Uri.EscapeDataString($$"""{"label":["dev.mcpruntime/instance={{id.InstanceId}}","dev.mcpruntime/record={{id.RecordId}}"]}""");
        List<string> state = [];
        foreach (var container in (await Engine.GetAsync($"containers/json?all=1&filters={filter}"))!.Value.EnumerateArray())
        {
            var inspect = (await Engine.GetAsync($"containers/{container.GetProperty("Id").GetString()}/json"))!.Value;
            state.Add($"{inspect.GetProperty("Id")} {inspect.GetProperty("State").GetProperty("StartedAt")} {inspect.GetProperty("HostConfig")}");
        }

        state.AddRange((await Engine.GetAsync($"networks?filters={filter}"))!.Value.EnumerateArray().Select(n => n.GetProperty("Id").GetString()!));
        var volumes = (await Engine.GetAsync($"volumes?filters={filter}"))!.Value.GetProperty("Volumes");
        state.AddRange(volumes.ValueKind == System.Text.Json.JsonValueKind.Array ? volumes.EnumerateArray().Select(v => v.GetProperty("Name").GetString()!) : []);
        state.AddRange((await Engine.GetAsync("images/json"))!.Value.EnumerateArray()
            .SelectMany(i => i.GetProperty("RepoTags") is { ValueKind: System.Text.Json.JsonValueKind.Array } tags ? tags.EnumerateArray().Select(t => t.GetString()!) : [])
            .Where(t => t.Contains(id.RecordId, StringComparison.Ordinal)));
        return state;
    }

    /// <summary>A container and a network under names like ours; one carries another installation's labels, the other none.</summary>
    public async Task<string> MakeForeignAsync(RuntimeIdentity id)
    {
        var name = $"mcp-{id.Short}-foreign";
        var labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["dev.mcpruntime/instance"] = "somebody-else", ["dev.mcpruntime/record"] = id.RecordId };
        var created = await Engine.PostAsync($"containers/create?name={name}", new { Image, Labels = labels });
        // Anywhere in a /16 that is nobody's pool: another run may be making its own at this moment.
        var place = Guid.NewGuid().ToByteArray();
        var subnet = $"10.215.{place[0]}.{place[1] & 0xF0}/28";
        await Engine.PostAsync("networks/create", new { Name = name, CheckDuplicate = true, IPAM = new { Config = new[] { new { Subnet = subnet } } } });
        _foreign.Add(name);
        return created.GetProperty("Id").GetString()!;
    }

    public async Task<bool> ForeignIsUntouchedAsync(string handle) =>
        (await Engine.GetAsync($"containers/{handle}/json"))?.GetProperty("State").GetProperty("Status").GetString() == "created"
        && await Engine.GetAsync($"networks/{_foreign[^1]}") is not null;

    public Task KillAsync(string containerId) => Quietly(Engine.PostAsync($"containers/{containerId}/kill"));

    public Task RemoveByHandAsync(string containerId) => Engine.DeleteAsync($"containers/{containerId}?force=1");

    public Task EditByHandAsync(string containerId) => Engine.PostAsync($"containers/{containerId}/update", new { Memory = 256L << 20, MemorySwap = 512L << 20, PidsLimit = 5000 });

    public WorldTraits Traits { get; } = new(Volumes: true, EditsInPlace: true, SeparatesStreams: true, Port: 8080);

    public async Task<string> PauseByHandAsync(string containerId)
    {
        await Engine.PostAsync($"containers/{containerId}/pause");
        return "State.Paused";
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var services in _services)
        {
            await services.DisposeAsync();
        }

        foreach (var name in _foreign)
        {
            await Engine.DeleteAsync($"containers/{name}?force=1");
            await Engine.DeleteAsync($"networks/{name}");
        }

        await SweepAsync();
        foreach (var image in _images)
        {
            // By id: a name alone would leave it under the tags that failed tests have left.
            var id = (await Engine.GetAsync($"images/{image}/json"))?.GetProperty("Id").GetString();
            await Engine.DeleteAsync($"images/{id ?? image}?force=1");
        }

        Engine.Dispose();
    }

    /// <summary>What a failed test left; only what carries this run's own instance id.</summary>
    public async Task SweepAsync()
    {
        var filter = Uri.EscapeDataString($$"""{"label":["dev.mcpruntime/instance={{_tag}}"]}""");
        foreach (var container in (await Engine.GetAsync($"containers/json?all=1&filters={filter}"))!.Value.EnumerateArray())
        {
            await Engine.DeleteAsync($"containers/{container.GetProperty("Id").GetString()}?force=1&v=1");
        }

        foreach (var network in (await Engine.GetAsync($"networks?filters={filter}"))!.Value.EnumerateArray())
        {
            await Engine.DeleteAsync($"networks/{network.GetProperty("Id").GetString()}");
        }
    }

    private static async Task Quietly(Task task)
    {
        try
        {
            await task;
        }
        catch (AssertionException)
        {
            // It may have ended by itself meanwhile.
            return;
        }
    }
}

/// <summary>The guard as the backend sees it: links are remembered, nothing is relayed.</summary>
internal sealed class FakeGuard : IGuard, IGuardPolicies
{
    private readonly HashSet<string> _networks = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, GuardPolicy> _policies = new(StringComparer.Ordinal);

    /// <summary>The subnet of a network, by name, as the real one asks the engine for it.</summary>
    public Func<string, Task<string>> SubnetOf { get; set; } = _ => Task.FromResult("");

    public bool Running { get; set; } = true;

    public Task<GuardState> StateAsync(CancellationToken ct) =>
        Task.FromResult(new GuardState("guard", Running, Running ? "127.0.0.1:8610" : null, new HashSet<string>(_networks, StringComparer.Ordinal)) { Named = new HashSet<string>(_networks, StringComparer.Ordinal), Policies = Running ? [.. _policies.Values] : [] });

    public Task<Outcome> LinkAsync(string network, CancellationToken ct)
    {
        _ = _networks.Add(network);
        Running = true;
        return Task.FromResult<Outcome>(new Outcome.Done());
    }

    public Task<Outcome> UnlinkAsync(string network, CancellationToken ct)
    {
        _ = _networks.Remove(network);
        _ = _policies.TryRemove(network, out _);
        return Task.FromResult<Outcome>(new Outcome.Done());
    }

    public Task<IReadOnlyList<GuardPolicy>> PoliciesAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<GuardPolicy>>([.. _policies.Values]);

    public async Task<Outcome> PutPolicyAsync(string network, IReadOnlyList<string> allowedHosts, bool strict, string record, CancellationToken ct)
    {
        Hold(new GuardPolicy(network, await SubnetOf(network), allowedHosts, strict, record));
        return new Outcome.Done();
    }

    public Task<Outcome> RemovePolicyAsync(string network, CancellationToken ct)
    {
        _ = _policies.TryRemove(network, out _);
        return Task.FromResult<Outcome>(new Outcome.Done());
    }

    /// <summary>As somebody with the guard's token would, behind our back.</summary>
    public void Hold(GuardPolicy policy) => _policies[policy.Id] = policy;
}
