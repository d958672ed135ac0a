using System.Diagnostics;
using System.Net.Http.Json;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace McpRuntime.ContextForgeDouble.Driver;

/// <summary>The double of ContextForge as a process, and its test's door <c>/_double</c>.</summary>
internal sealed class ContextForgeProcess : IAsyncDisposable
{
    public const string Token = "t0k3n-0f-c0nt3xtf0rg3";

    private static readonly JsonSerializerOptions AsWritten = new(JsonSerializerDefaults.General);

    private readonly Process _process;
    private readonly HttpClient _http;

    private ContextForgeProcess(Process process, Uri url)
    {
        (_process, Url) = (process, url);
        _http = new HttpClient { BaseAddress = url };
    }

    public Uri Url { get; }

    public static async Task<ContextForgeProcess> StartAsync()
    {
        var path = typeof(ContextForgeProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "ContextForgeDouble").Value!;
        var process = Process.Start(new ProcessStartInfo("dotnet", [path, "--token", Token]) { RedirectStandardOutput = true, RedirectStandardInput = true, UseShellExecute = false })!;
        var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The double ended before it listened.");
        return new ContextForgeProcess(process, new Uri(line["listening on ".Length..]));
    }

    public Task SwitchAsync(object switches) => SendAsync(HttpMethod.Post, "switches", switches);

    public Task TroubleAsync(string call, string kind, int times = 1) => SendAsync(HttpMethod.Post, "troubles", new { call, kind, times });

    public Task NoMoreTroubleAsync() => SendAsync(HttpMethod.Delete, "troubles");

    public Task ResetAsync() => SendAsync(HttpMethod.Post, "reset");

    public async Task<IReadOnlyList<JsonObject>> GatewaysAsync() => [.. (await SendAsync(HttpMethod.Get, "gateways"))!.AsArray().Select(gateway => gateway!.AsObject())];

    public async Task<IReadOnlyList<string>> CallsAsync() => [.. (await SendAsync(HttpMethod.Get, "calls"))!.AsArray().Select(call => call!.GetValue<string>())];

    public Task ForgetCallsAsync() => SendAsync(HttpMethod.Delete, "calls");

    /// <summary>Somebody else's entry, past the API; gives its id.</summary>
    public async Task<string> AddAsync(object fields) => (await SendAsync(HttpMethod.Post, "gateways", fields))!.GetValue<string>();

    public Task ChangeByHandAsync(string id, object change) => SendAsync(HttpMethod.Post, $"gateways/{id}", change);

    public Task DeleteByHandAsync(string id) => SendAsync(HttpMethod.Delete, $"gateways/{id}");

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        _process.StandardInput.Close();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task<JsonNode?> SendAsync(HttpMethod method, string path, object? body = null)
    {
        using var request = new HttpRequestMessage(method, new Uri("/_double/" + path, UriKind.Relative));
        if (body is not null)
        {
            request.Content = JsonContent.Create(body, options: AsWritten);
            await request.Content.LoadIntoBufferAsync();
        }

        using var reply = await _http.SendAsync(request);
        var text = await reply.Content.ReadAsStringAsync();
        return reply.IsSuccessStatusCode ? JsonNode.Parse(text) : throw new InvalidOperationException($"{method} {path}: {(int)reply.StatusCode} {text}");
    }
}
