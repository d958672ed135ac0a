using System.Net;
using System.Text.Json;
using McpRuntime.Backends.Tests.Git;
using McpRuntime.Server.Sources.Git;
using McpRuntime.Server.Tests.Rest;
using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Server.Tests.Sources;

/// <summary>The whole service with one Git source, <c>infra</c>, whose repository is on git's own server.</summary>
internal sealed class GitOpsHouse : IAsyncDisposable
{
    public const string Image = "docker.io/library/echo:1";

    private readonly Dictionary<string, string> _settings;

    private GitOpsHouse(GitServer server, string repository, Dictionary<string, string> settings, TestService service) =>
        (Server, Repository, _settings, Service) = (server, repository, settings, service);

    public GitServer Server { get; }

    /// <summary><c>owner/name</c>.</summary>
    public string Repository { get; }

    public TestService Service { get; private set; }

    /// <summary>The bare one that is served.</summary>
    public string Bare => Path.Combine(Server.Folder, Repository);

    /// <param name="files">Of the first commit.</param>
    /// <param name="source">More of the source's settings, as they stand in its JSON: <c>, "path": "x"</c>.</param>
    public static Task<GitOpsHouse> BuildAsync(
        GitServer server, IEnumerable<(string Path, string Text)> files, string source = "", string interval = "86400", params (string Name, string Value)[] more) =>
        BuildInAsync("acme", server, files, source, interval, more);

    /// <param name="owner">The part of the server's address that the repository is below.</param>
    public static async Task<GitOpsHouse> BuildInAsync(
        string owner, GitServer server, IEnumerable<(string Path, string Text)> files, string source, string interval = "86400", params (string Name, string Value)[] more)
    {
        var repository = $"{owner}/{Guid.NewGuid():N}";
        await server.CreateAsync(repository, [.. files]);
        var settings = more.ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal);
        settings["RUNTIME_GITOPS_REPOS"] = $$"""[{"name": "infra", "url": "{{server.Url(repository)}}", "interval_seconds": {{interval}}{{source}}}]""";
        settings["RUNTIME_GIT_CA_FILE"] = server.Authorities;
        settings["RUNTIME_ALLOW_PRIVATE_ADDRESSES"] = "127.0.0.0/8,::1/128";
        return new GitOpsHouse(server, repository, settings, await TestService.StartAsync(settings));
    }

    public static string Manifest(string name, string image = Image, string more = "") =>
        $$"""
        apiVersion: mcpruntime.dev/v1alpha1
        kind: McpRuntime
        metadata:
          name: {{name}}
        spec:
          source: {type: docker, image: "{{image}}"}
        {{more}}
        """;

    /// <param name="repositories">Null: as before; otherwise what RUNTIME_GITOPS_REPOS is from here on.</param>
    public async Task StartAgainAsync(string? repositories = null)
    {
        await Service.StopAsync();
        _settings["RUNTIME_GITOPS_REPOS"] = repositories ?? _settings["RUNTIME_GITOPS_REPOS"];
        Service = await TestService.StartAsync(_settings, Service.Folder);
    }

    public Task<string> CommitAsync(params (string Path, string Text)[] files) => Server.CommitAsync(Repository, "more", files);

    public Task<string> CommitAsync(Func<string, Task> change) => Server.CommitAsync(Repository, "more", change);

    public Task<string> RemoveAsync(params string[] files) => CommitAsync(work =>
    {
        foreach (var file in files)
        {
            File.Delete(Path.Combine(work, file));
        }

        return Task.CompletedTask;
    });

    /// <summary>Asks for a look, waits for it, gives what the source shows then.</summary>
    public async Task<JsonElement> SyncAsync(string words = "{}")
    {
        var shown = await Service.Admin.PostTextAsync("/runtimes/sources/infra/sync?wait_seconds=120", words, HttpStatusCode.Accepted);
        shown.GetProperty("sync_pending").GetBoolean().Should().BeFalse("the look is over");
        return shown;
    }

    public Task<JsonElement> ShowAsync() => Service.Admin.GetAsync("/runtimes/sources/infra", HttpStatusCode.OK);

    public Task<JsonElement> FindAsync(string name) => Service.Admin.GetAsync($"/runtimes/{name}", HttpStatusCode.OK);

    /// <summary>Name → image of all that nobody has asked to be deleted.</summary>
    public async Task<Dictionary<string, string>> LiveAsync()
    {
        var owned = await Service.Services.GetRequiredService<GitSourceStates>().LiveNamesAsync("git:infra", CancellationToken.None);
        var all = await Service.Admin.GetAsync("/runtimes?limit=200", HttpStatusCode.OK);
        return all.GetProperty("runtimes").EnumerateArray().Where(runtime => runtime.Text("owner") == "rest" || owned.Contains(runtime.Text("name")))
            .ToDictionary(runtime => runtime.Text("name"), runtime => runtime.GetProperty("source").Text("image"), StringComparer.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await Service.StopAsync();
        Directory.GetDirectories(Path.Combine(Service.Folder, "git")).SelectMany(Directory.GetDirectories).Should().BeEmpty("every throw-away folder goes");
        Directory.Delete(Service.Folder, recursive: true);
    }
}
