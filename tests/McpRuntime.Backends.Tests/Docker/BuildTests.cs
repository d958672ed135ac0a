using System.Net;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Backends.Git;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Backends.Tests.Git;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Docker;

/// <summary>Builds of a repository's commit: git's own server on loopback, the real engine, the image <c>mcpruntime/base</c>.</summary>
[Category("Docker")]
public sealed class BuildTests
{
    private const string Secret = "s3cr3t-token-value";

    private GitServer _server = null!;
    private RealRegistry _registry = null!;
    private readonly List<string> _imported = [];

    private DockerWorld _world = null!;
    private string _folder = "";

    [OneTimeSetUp]
    public async Task Open()
    {
        _server = await GitServer.StartAsync();
        _registry = await RealRegistry.StartAsync(locked: true);
        _folder = Directory.CreateTempSubdirectory("builds-").FullName;
        var credentials = Path.Combine(_folder, "registry.json");
        await File.WriteAllTextAsync(credentials, $$"""{"credentials": [{"registry": "{{_registry.Address}}", "username": "{{RealRegistry.User}}", "password": "{{RealRegistry.Password}}", "teams": ["a"]}]}""");
        _world = await DockerWorld.OpenAsync(
            new DockerOptions
            {
                Host = RealEngine.Socket,
                SubnetPool = "10.219.0.0/16",
                RegistryCredentials = credentials,
                AllowedRegistries = ["docker.io/mcpruntime", _registry.Address],
                BuildLogFolder = Path.Combine(_folder, "logs"),
                Builds = new BuildLimits { Timeout = TimeSpan.FromSeconds(45), Memory = 256L << 20, Cpus = 1, Pids = 64, Disk = 96L << 20 },
            },
            new GitOptions
            {
                DataFolder = Path.Combine(_folder, "git"),
                AllowedHosts = [_server.Authority],
                AllowedAddresses = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")],
                AuthoritiesFile = _server.Authorities,
            });
    }

    [OneTimeTearDown]
    public async Task Close()
    {
        foreach (var image in _imported)
        {
            await _world.Engine.DeleteAsync($"images/{image}?force=1");
        }

        await _world.DisposeAsync();
        await _registry.DisposeAsync();
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task A_commit_becomes_one_labelled_image_that_is_reused_and_goes_with_the_runtime()
    {
        var commit = await _server.CreateAsync(
            "acme/whole",
            ("server/Dockerfile", "FROM mcpruntime/base AS made\nARG WHO\nRUN echo \"by $WHO\" > /made\nFROM mcpruntime/base\nCOPY --from=made /made /made\nCOPY . /app\nUSER 10001\nEXPOSE 3001\nCMD [\"cat\", \"/made\"]\n"),
            ("server/.dockerignore", "*.md\n"),
            ("server/README.md", "not sent"),
            ("server/kept.txt", "sent"));
        var (id, revision) = await ResolvedAsync("acme/whole", "main", context: "server", arguments: ("WHO", "ada"));
        revision.Facts!.Commit.Should().Be(commit);
        _ = await _server.CommitAsync("acme/whole", "moved on", ("server/kept.txt", "another"));

        (await BuildAsync(id, revision)).Should().BeNull();
        var built = (await _world.Backend.ResolveAsync(id, revision, default)).Match(r => r.Facts, f => throw new AssertionException(f.Fault.ToString()));
        built.Commit.Should().Be(commit);
        built.Image!.ExposedPorts.Should().Equal(3001);
        built.Image.User.Should().Be("10001");
        var image = (await _world.Engine.GetAsync($"images/{built.Pin}/json"))!.Value;
        var labels = image.GetProperty("Config").GetProperty("Labels");
        labels.GetProperty("org.opencontainers.image.revision").GetString().Should().Be(commit);
        labels.GetProperty("org.opencontainers.image.source").GetString().Should().Be(_server.Url("acme/whole"));
        labels.GetProperty("dev.mcpruntime/built-for").GetString().Should().Be(id.RecordId);
        (await FilesAsync(built.Pin, "app")).Should().BeEquivalentTo("app/", "app/Dockerfile", "app/kept.txt");

        // The same again is no build: the tag is there, and what a second Put says is done at once.
        var whole = Compile(id, revision with { Facts = built });
        var build = whole.Running.Single(r => r.Kind is ResourceKind.Build);
        (await _world.Backend.PutAsync(id, build, default)).ShouldBeDone();
        (await _world.Engine.GetAsync($"images/{built.Pin}/json")).Should().NotBeNull();
        (await SeeAsync(id)).Where(s => s.Kind is ResourceKind.Build).Should().ContainSingle().Which.Fingerprint.Should().Be(build.Fingerprint);

        foreach (var resource in whole.Running.Reverse())
        {
            (await _world.Backend.RemoveAsync(id, resource.Id, resource.Kind, default)).ShouldBeDone();
        }

        (await _world.Engine.GetAsync($"images/{built.Pin}/json")).Should().BeNull();
        (await LayersAsync(id)).Should().BeEmpty();
        (await SeeAsync(id)).Should().BeEmpty();
    }

    [Test]
    public async Task The_log_is_told_while_it_goes_on_and_kept_and_a_secret_argument_is_in_neither_it_nor_the_fault()
    {
        _ = await _server.CreateAsync("acme/prints", ("Dockerfile", "FROM mcpruntime/base\nARG TOKEN\nRUN echo \"token is $TOKEN\" && echo \"$TOKEN\" | rev && false\n"));
        var (id, revision) = await ResolvedAsync("acme/prints", "main", arguments: ("TOKEN", Secret));

        var fault = await BuildAsync(id, revision);

        fault.Should().NotBeNull();
        fault!.Kind.Should().Be(FaultKind.Refused);
        fault.Reason.Should().Be("BuildFailed");
        fault.ToString().Should().NotContain(Secret);
        var log = await LogAsync(id);
        log.Should().Contain("token is ***").And.Contain("Step 3/").And.NotContain(Secret);
        File.ReadAllText(Directory.GetFiles(Path.Combine(_folder, "logs"), id.RecordId + "*").Single()).Should().NotContain(Secret);
        (await LayersAsync(id)).Should().BeEmpty("a build that failed leaves no layers");
    }

    [Test]
    public async Task Egress_none_builds_without_a_network_and_without_the_engines_socket()
    {
        _ = await _server.CreateAsync("acme/closed", ("Dockerfile", "FROM mcpruntime/base\nRUN echo \"interfaces: $(ls /sys/class/net | tr '\\n' ' ')\" && ls /var/run/docker.sock 2>&1 || true\n"));
        var (id, revision) = await ResolvedAsync("acme/closed", "main", guardrails: Given.Restricted);

        (await BuildAsync(id, revision)).Should().BeNull();

        (await LogAsync(id)).Should().Contain("interfaces: lo \n").And.Contain("No such file");
        await RemoveAsync(id, revision);
    }

    [TestCase("RUN sleep 600", "BuildTimeout")]
    [TestCase("RUN while true; do sleep 100 & done", "BuildTooManyProcesses")]
    [TestCase("RUN bash -c 'while true; do sleep 100 & done'", "BuildTooManyProcesses")]
    [TestCase("RUN for i in 1 2 3 4 5 6; do head -c 40000000 /dev/zero > /fill$i; sleep 1; done", "BuildTooLarge")]
    [TestCase("RUN head -c 400000000 /dev/zero > /one", "BuildFailed")]
    [TestCase("RUN head -c 1000000000 /dev/zero | tail", "BuildFailed")]
    public async Task A_build_without_measure_is_stopped_named_and_leaves_nothing(string step, string reason)
    {
        var name = $"acme/wild-{reason}-{step.Length}".ToLowerInvariant();
        _ = await _server.CreateAsync(name, ("Dockerfile", $"FROM mcpruntime/base\n{step}\n"));
        var (id, revision) = await ResolvedAsync(name, "main", guardrails: Given.Restricted);

        var fault = await BuildAsync(id, revision);

        fault.Should().NotBeNull();
        fault!.Reason.Should().Be(reason, fault.Message);
        fault.Kind.Should().Be(FaultKind.Refused);
        await Eventually.HoldsAsync(async () => (await ContainersAsync(id)).Count == 0 && (await LayersAsync(id)).Count == 0);
        (await LogAsync(id)).Should().Contain(reason);
    }

    [Test]
    public async Task What_a_Dockerfile_may_not_is_refused_before_anybody_is_asked_to_approve_it()
    {
        _ = await _server.CreateAsync("acme/elsewhere", ("Dockerfile", "FROM quay.io/evil/image:1\n"));
        (await RefusedAsync("acme/elsewhere")).Message.Should().Contain("Dockerfile:1").And.Contain("RUNTIME_DOCKER_ALLOWED_REGISTRIES");

        _ = await _server.CreateAsync("acme/out", ("x", ""));
        _ = await _server.CommitAsync("acme/out", "link", work =>
        {
            _ = File.CreateSymbolicLink(Path.Combine(work, "Dockerfile"), "/etc/passwd");
            return Task.CompletedTask;
        });
        (await RefusedAsync("acme/out")).Reason.Should().Be("OutsideTheRepository");

        (await RefusedAsync("acme/elsewhere", dockerfile: "none/Dockerfile")).Reason.Should().Be("DockerfileNotFound");

        _ = await _server.CreateAsync("acme/nowhere", ("Dockerfile", $"FROM mcpruntime/base\nCOPY --from={_registry.Address}/acme/there-is-none:1 /x /x\n"));
        var nowhere = await ResolveAsync(Given.Identity(_world.InstanceId), Of("acme/nowhere", "main", Given.Restricted, ".", "Dockerfile", registry: null));
        nowhere.Match(_ => "resolved", faulted => faulted.Fault.Message).Should().StartWith("Dockerfile:2: ").And.Contain("there-is-none");
    }

    [Test]
    public async Task A_base_image_whose_own_instructions_would_run_unread_is_refused()
    {
        var armed = await ImportAsync("armed", "ONBUILD LABEL triggered=yes");
        _ = await _server.CreateAsync("acme/armed", ("Dockerfile", $"FROM mcpruntime/base AS tools\nFROM {armed}\nCOPY --from=tools /etc/hostname /x\n"));
        var (id, revision) = await ResolvedAsync("acme/armed", "main", guardrails: Given.Restricted);

        var fault = await BuildAsync(id, revision);

        fault.Should().NotBeNull("the engine would have run what the image carries");
        (fault!.Kind, fault.Reason).Should().Be((FaultKind.Refused, "BadDockerfile"));
        fault.Message.Should().StartWith("Dockerfile:2: ").And.Contain("ONBUILD").And.Contain("triggered=yes");
        (await LayersAsync(id)).Should().BeEmpty();
        await RemoveAsync(id, revision);
    }

    [Test]
    public async Task Files_may_be_taken_from_an_image_whose_instructions_do_not_run()
    {
        var armed = await ImportAsync("armed-tools", "ONBUILD LABEL triggered=yes");
        _ = await _server.CreateAsync("acme/taken", ("Dockerfile", $"FROM mcpruntime/base\nCOPY --from={armed} /probe /probe\n"));
        var (id, revision) = await ResolvedAsync("acme/taken", "main", guardrails: Given.Restricted);

        (await BuildAsync(id, revision)).Should().BeNull();

        await RemoveAsync(id, revision);
    }

    [Test]
    public async Task What_a_build_stands_on_is_pinned_with_its_commit_and_a_tag_that_moves_moves_nothing()
    {
        var based = await ImportAsync("moving", "ENV GENERATION=first");
        var tools = await ImportAsync("moving-tools", "ENV GENERATION=first");
        _ = await _server.CreateAsync("acme/moved", ("Dockerfile", $"FROM --platform=linux {based} AS made\nFROM \\\n  made\nCOPY \\\n  # --from={tools}\n  --from={tools} /probe /other\n"));
        var (id, revision) = await ResolvedAsync("acme/moved", "main", guardrails: Given.Restricted);
        var first = (await _world.Engine.GetAsync($"images/{based}/json"))!.Value.GetProperty("Id").GetString()!;
        revision.Facts!.Bases.Should().HaveCount(2).And.Contain(based, first);
        Core.Approvals.ApprovalBinding.PinOf(revision.Facts).Should().Contain(first).And.Contain(tools, "an approval is given to all of it");

        _ = await ImportAsync("moving", "ENV GENERATION=second");
        (await BuildAsync(id, revision)).Should().BeNull();

        var built = (await _world.Backend.ResolveAsync(id, revision, default)).Match(r => r.Facts, f => throw new AssertionException(f.Fault.ToString()));
        built.Image!.Environment.Should().Contain("GENERATION=first").And.NotContain("GENERATION=second");
        built.Bases.Should().BeEquivalentTo(revision.Facts.Bases);
        Core.Approvals.ApprovalBinding.PinOf(built).Should().Be(Core.Approvals.ApprovalBinding.PinOf(revision.Facts), "what was approved is what was built");
        await RemoveAsync(id, revision);
    }

    [Test]
    public async Task A_base_image_is_fetched_from_its_registry_by_the_digest_it_was_pinned_to()
    {
        var local = await ImportAsync("registered", "ENV GENERATION=first");
        var name = $"{_registry.Address}/acme/registered";
        await _world.Engine.PostAsync($"images/{local}/tag?repo={Uri.EscapeDataString(name)}&tag=1");
        await _world.Engine.PushAsync($"{name}:1", _registry.LoginHeader);
        foreach (var tag in new[] { $"{name}:1", local })
        {
            await _world.Engine.DeleteAsync($"images/{tag}?force=1");
        }

        _ = await _server.CreateAsync("acme/registered", ("Dockerfile", $"FROM {name}:1\n"));
        var (id, revision) = await ResolvedAsync("acme/registered", "main", guardrails: Given.Restricted);
        revision.Facts!.Bases!.Single().Value.Should().StartWith($"{name}@sha256:");

        (await BuildAsync(id, revision)).Should().BeNull();

        (await LogAsync(id)).Should().Contain($"FROM {revision.Facts.Bases!.Single().Value}");
        await RemoveAsync(id, revision);
        await _world.Engine.DeleteAsync($"images/{revision.Facts.Bases!.Single().Value}?force=1");
    }

    [Test]
    public async Task A_build_that_is_not_wanted_any_more_is_stopped()
    {
        _ = await _server.CreateAsync("acme/unwanted", ("Dockerfile", "FROM mcpruntime/base\nRUN sleep 600\n"));
        var (id, revision) = await ResolvedAsync("acme/unwanted", "main", guardrails: Given.Restricted);
        var build = Compile(id, revision).Running.Single();
        _ = await _world.Backend.PutAsync(id, build, default);
        await Eventually.HoldsAsync(async () => (await ContainersAsync(id)).Count == 1);
        (await SeeAsync(id)).Single().Message.Should().Contain("Step ");

        (await _world.Backend.RemoveAsync(id, build.Id, build.Kind, default)).ShouldBeDone();

        // The engine may commit the layer of the step it cut off after we tidied: the next look sees it, and its removal takes it too.
        await Eventually.HoldsAsync(async () =>
        {
            var seen = await SeeAsync(id);
            foreach (var left in seen)
            {
                left.Id.Should().Be(BuildNames.Leftovers);
                (await _world.Backend.RemoveAsync(id, left.Id, left.Kind, default)).ShouldBeDone();
            }

            return seen.Count == 0 && (await ContainersAsync(id)).Count == 0 && (await LayersAsync(id)).Count == 0;
        });
    }

    [Test]
    public async Task A_pushed_image_is_pinned_to_its_digest_and_comes_back_from_its_registry()
    {
        var commit = await _server.CreateAsync("acme/pushed", ("Dockerfile", "FROM mcpruntime/base\nRUN date +%N > /made\nEXPOSE 8080\n"));
        var (id, revision) = await ResolvedAsync("acme/pushed", "main", guardrails: Given.Restricted, registry: $"{_registry.Address}/acme");
        (await BuildAsync(id, revision)).Should().BeNull();
        var built = (await _world.Backend.ResolveAsync(id, revision, default)).Match(r => r.Facts, f => throw new AssertionException(f.Fault.ToString()));
        built.PinIsRegistryDigest.Should().BeTrue();
        built.Pin.Should().StartWith($"{_registry.Address}/acme/mcp-{id.Short}@sha256:");
        built.Commit.Should().Be(commit);

        // Somebody prunes the engine: what comes back is the very same.
        var tags = (await _world.Engine.GetAsync($"images/{built.Pin}/json"))!.Value.GetProperty("RepoTags").EnumerateArray().Select(t => t.GetString()!).ToArray();
        foreach (var tag in tags.Append(built.Pin))
        {
            await _world.Engine.DeleteAsync($"images/{tag}?force=1");
        }

        (await _world.Engine.GetAsync($"images/{built.Pin}/json")).Should().BeNull();
        var whole = Compile(id, revision with { Facts = built });
        foreach (var resource in whole.Running.Where(r => r.Kind is ResourceKind.Image or ResourceKind.Build))
        {
            await Eventually.HoldsAsync(async () => await _world.Backend.PutAsync(id, resource, default) is Outcome.Done);
        }

        (await _world.Engine.GetAsync($"images/{built.Pin}/json"))!.Value.GetProperty("Id").GetString().Should().Be(built.Image!.ImageId);
        foreach (var resource in whole.Running.Reverse())
        {
            (await _world.Backend.RemoveAsync(id, resource.Id, resource.Kind, default)).ShouldBeDone();
        }

        (await _world.Engine.GetAsync($"images/{built.Pin}/json")).Should().BeNull();
    }

    /// <summary>An image of the probe alone, whose tag moves when it is made again.</summary>
    private async Task<string> ImportAsync(string name, params string[] instructions)
    {
        var reference = await _world.Engine.ImportAsync($"docker.io/mcpruntime/{name}-{_world.InstanceId}:1", passwd: null, instructions);
        _imported.Add(reference);
        return reference;
    }

    /// <summary>Why its commit is not resolved.</summary>
    private async Task<Fault> RefusedAsync(string repository, string dockerfile = "Dockerfile")
    {
        var revision = Of(repository, "main", Given.Restricted, ".", dockerfile, registry: null);
        var fault = (await ResolveAsync(Given.Identity(_world.InstanceId), revision)).Match<Fault?>(_ => null, f => f.Fault);
        fault.Should().NotBeNull();
        fault!.Kind.Should().Be(FaultKind.Refused, fault.Message);
        return fault;
    }

    /// <summary>As turns do it: again while the repository, or a registry, takes longer than a turn has.</summary>
    private async Task<Resolution> ResolveAsync(RuntimeIdentity id, Revision revision)
    {
        while (true)
        {
            var resolution = await _world.Backend.ResolveAsync(id, revision, default);
            if (resolution is not Resolution.Faulted { Fault.Reason: "DockerfileBeingRead" })
            {
                return resolution;
            }
        }
    }

    private Revision Of(string repository, string reference, GuardrailsConfig? guardrails, string context, string dockerfile, string? registry, params (string Name, string Value)[] arguments)
    {
        var source = new Source.GitHub(
            _server.Url(repository), reference, dockerfile, context, arguments.ToDictionary(a => a.Name, a => a.Value, StringComparer.Ordinal), registry is not null, registry);
        var revision = Given.Revision("unused", guardrails);
        return revision with { Spec = revision.Spec with { Source = source, TeamId = "a" } };
    }

    private async Task<(RuntimeIdentity Id, Revision Revision)> ResolvedAsync(
        string repository, string reference, GuardrailsConfig? guardrails = null, string context = ".", string dockerfile = "Dockerfile", string? registry = null, params (string Name, string Value)[] arguments)
    {
        var revision = Of(repository, reference, guardrails, context, dockerfile, registry, arguments);
        var id = Given.Identity(_world.InstanceId);
        var facts = (await ResolveAsync(id, revision)).Match(r => r.Facts, f => throw new AssertionException(f.Fault.ToString()));
        return (id, revision with { Facts = facts });
    }

    /// <summary>As turns drive it: put, look until nothing is under way, put again to hear how it ended. Null: there is an image.</summary>
    private async Task<Fault?> BuildAsync(RuntimeIdentity id, Revision revision)
    {
        foreach (var resource in Compile(id, revision).Running)
        {
            if (await _world.Backend.PutAsync(id, resource, default) is Outcome.Done)
            {
                continue;
            }

            await Eventually.HoldsAsync(async () => (await SeeAsync(id)).All(s => s.Health is not Health.Starting), TimeSpan.FromSeconds(120));
            var last = await _world.Backend.PutAsync(id, resource, default);
            if (last is not Outcome.Done)
            {
                return last.ShouldBeFault();
            }
        }

        return null;
    }

    private async Task RemoveAsync(RuntimeIdentity id, Revision revision)
    {
        foreach (var resource in Compile(id, revision).Running.Reverse())
        {
            (await _world.Backend.RemoveAsync(id, resource.Id, resource.Kind, default)).ShouldBeDone();
        }
    }

    private Compiled Compile(RuntimeIdentity id, Revision revision)
    {
        var compiled = _world.Backend.Compile(Given.Input(id, revision, _world.Hash));
        compiled.Refused.Should().BeNull();
        return compiled;
    }

    private async Task<IReadOnlyList<SeenResource>> SeeAsync(RuntimeIdentity id) => (await _world.Backend.ObserveAsync(id, default)).Resources();

    private async Task<string> LogAsync(RuntimeIdentity id)
    {
        var lines = new System.Text.StringBuilder();
        await foreach (var line in _world.Backend.LogsAsync(id, new LogQuery(5_000, null, null, LogStream.Build, null, Follow: true), default))
        {
            _ = lines.Append(line.Text).Append('\n');
        }

        return lines.ToString();
    }

    private async Task<IReadOnlyList<string>> ContainersAsync(RuntimeIdentity id) => await ListAsync("containers/json?all=1&", id, dangling: false);

    private async Task<IReadOnlyList<string>> LayersAsync(RuntimeIdentity id) => await ListAsync("images/json?", id, dangling: true);

    private async Task<IReadOnlyList<string>> ListAsync(string path, RuntimeIdentity id, bool dangling)
    {
        var filter = Uri.EscapeDataString($$"""{"label":["dev.mcpruntime/built-for={{id.RecordId}}"]{{(dangling ? ""","dangling":["true"]""" : "")}}}""");
        return [.. (await _world.Engine.GetAsync($"{path}filters={filter}"))!.Value.EnumerateArray().Select(i => i.GetProperty("Id").GetString()!)];
    }

    /// <summary>Names below a folder of an image.</summary>
    private async Task<IReadOnlyList<string>> FilesAsync(string image, string folder)
    {
        var container = (await _world.Engine.PostAsync("containers/create", new { Image = image })).GetProperty("Id").GetString()!;
        try
        {
            return await _world.Engine.ArchiveAsync(container, "/" + folder);
        }
        finally
        {
            await _world.Engine.DeleteAsync($"containers/{container}?force=1");
        }
    }
}
