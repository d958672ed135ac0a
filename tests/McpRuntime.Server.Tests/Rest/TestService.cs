using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using McpRuntime.Backends;
using McpRuntime.Core.Records;
using McpRuntime.Server.Access;
using McpRuntime.Server.Cli;
using McpRuntime.Server.Settings;
using McpRuntime.Server.Tests.Doubles;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Server.Tests.Rest;

/// <summary>The whole service on a real Kestrel and a SQLite file of its own, with one backend in memory.</summary>
internal sealed class TestService : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestService(WebApplication app, string folder, MemoryBackend backend)
    {
        _app = app;
        Folder = folder;
        Backend = backend;
        Address = new Uri(app.Urls.First());
        AdminToken = File.ReadAllText(Path.Combine(folder, FirstToken.FileName)).Trim();
        Admin = Client(AdminToken);
    }

    public string Folder { get; }

    public MemoryBackend Backend { get; }

    public Uri Address { get; }

    public string AdminToken { get; }

    public HttpClient Admin { get; }

    public IServiceProvider Services => _app.Services;

    /// <summary>Where a test says what the settings are, beyond the few that make a test possible.</summary>
    public static async Task<TestService> StartAsync(IReadOnlyDictionary<string, string>? settings = null, string? folder = null, bool withBackend = true)
    {
        folder ??= Directory.CreateTempSubdirectory("mcpruntime-rest-").FullName;
        var environment = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["MCPGATEWAY_RUNTIME_ENABLED"] = "true",
            ["RUNTIME_DOCKER_ENABLED"] = "false",
            ["RUNTIME_DATA_DIR"] = folder,
            ["RUNTIME_RATE_LIMIT"] = "0",
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
        };
        foreach (var (name, value) in settings ?? new Dictionary<string, string>(StringComparer.Ordinal))
        {
            environment[name] = value;
        }

        var parsed = SettingsParser.Parse(environment);
        var backend = new MemoryBackend();
        var app = RuntimeService.Build(parsed, builder =>
        {
            builder.Logging.ClearProviders();
            if (withBackend)
            {
                builder.Services.AddSingleton<IBackend>(backend);
            }
        });
        await RuntimeService.PrepareAsync(app, parsed, CancellationToken.None);
        await app.StartAsync();
        return new TestService(app, folder, backend);
    }

    /// <summary>The settings for a PostgreSQL database; null = SQLite, which needs none.</summary>
    public static IReadOnlyDictionary<string, string> On(string? database) => database is null
        ? new Dictionary<string, string>(StringComparer.Ordinal)
        : new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_DATABASE_URL"] = database,
            ["RUNTIME_MASTER_KEY"] = new string('0', 64),
        };

    public HttpClient Client(string? token)
    {
        var client = new HttpClient { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(60) };
        if (token is not null)
        {
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        return client;
    }

    public async Task<HttpClient> ClientAsync(string subject, string role, string? team = null, string? runtimeId = null) =>
        Client(await TokenCommands.CreateAsync(
            Services.GetRequiredService<ITokenStore>(),
            TimeProvider.System,
            new TokenCommands.Wanted(subject, [role], team is null ? [] : [team], null, runtimeId),
            CancellationToken.None));

    /// <summary>Deploys an image; gives the runtime.</summary>
    public async Task<JsonElement> DeployAsync(string name, object? more = null, HttpClient? client = null)
    {
        var body = JsonSerializer.SerializeToNode(more ?? new { })!.AsObject();
        body["name"] = name;
        body["source"] ??= JsonSerializer.SerializeToNode(new { type = "docker", image = "docker.io/library/echo:1" });
        using var response = await (client ?? Admin).PostAsJsonAsync("/runtimes/deploy", body);
        return (await response.JsonAsync(HttpStatusCode.Created)).GetProperty("runtime");
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Leaves its folder to the next one.</summary>
    public async Task StopAsync()
    {
        Admin.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}

internal static class ResponseJson
{
    public static async Task<JsonElement> JsonAsync(this HttpResponseMessage response, HttpStatusCode expected)
    {
        var text = await response.Content.ReadAsStringAsync();
        response.StatusCode.Should().Be(expected, "the body was {0}", text);
        return JsonSerializer.Deserialize<JsonElement>(text);
    }

    public static async Task<JsonElement> GetAsync(this HttpClient client, string path, HttpStatusCode expected)
    {
        using var response = await client.GetAsync(path);
        return await response.JsonAsync(expected);
    }

    public static async Task<JsonElement> PostAsync(this HttpClient client, string path, HttpStatusCode expected)
    {
        using var response = await client.PostAsync(path, null);
        return await response.JsonAsync(expected);
    }

    public static async Task<JsonElement> PostTextAsync(this HttpClient client, string path, string json, HttpStatusCode expected)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await client.PostAsync(path, content);
        return await response.JsonAsync(expected);
    }

    public static string Text(this JsonElement json, string name) => json.GetProperty(name).GetString()!;
}
