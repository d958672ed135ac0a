using System.Diagnostics;
using System.Net.Http.Json;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace McpRuntime.CodeEngineDouble.Driver;

/// <summary>The double of Code Engine and IAM as a process, and its test's door <c>/_double</c>.</summary>
internal sealed class DoubleProcess : IAsyncDisposable
{
    public const string ApiKey = "k3y-0f-th3-d0ubl3";
    public const string Project = "11111111-2222-3333-4444-555555555555";

    private static readonly JsonSerializerOptions AsWritten = new();

    private readonly Process _process;
    private readonly HttpClient _http;

    private DoubleProcess(Process process, Uri url)
    {
        (_process, Url) = (process, url);
        _http = new HttpClient { BaseAddress = url };
    }

    public Uri Url { get; }

    public static async Task<DoubleProcess> StartAsync()
    {
        var path = typeof(DoubleProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "CodeEngineDouble").Value!;
        var process = Process.Start(new ProcessStartInfo("dotnet", [path, "--api-key", ApiKey, "--project", Project])
        {
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        })!;
        var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The double ended before it listened.");
        return new DoubleProcess(process, new Uri(line["listening on ".Length..]));
    }

    public Task SwitchAsync(object switches) => SendAsync(HttpMethod.Post, "switches", switches);

    public Task ScriptAsync(object script) => SendAsync(HttpMethod.Post, "scripts", script);

    public Task TroubleAsync(string call, string kind, int skip = 0, int times = 1, int seconds = 1) => SendAsync(HttpMethod.Post, "troubles", new { call, kind, skip, times, seconds });

    public Task NoMoreTroubleAsync() => SendAsync(HttpMethod.Delete, "troubles");

    public Task ResetAsync() => SendAsync(HttpMethod.Post, "reset");

    public Task RevokeTokensAsync() => SendAsync(HttpMethod.Delete, "tokens");

    public async Task<int> TokensAsync() => (await SendAsync(HttpMethod.Get, "tokens"))!.GetValue<int>();

    public async Task<JsonObject> StateAsync() => (await SendAsync(HttpMethod.Get, "state"))!.AsObject();

    public async Task<IReadOnlyList<string>> CallsAsync() =>
        [.. (await SendAsync(HttpMethod.Get, "calls"))!.AsArray().Select(c => $"{c!["method"]} {c["path"]} {c["status"]}")];

    public Task ForgetCallsAsync() => SendAsync(HttpMethod.Delete, "calls");

    public Task<JsonNode?> SendAsync(HttpMethod method, string path) => SendAsync(method, path, body: null);

    public async Task<JsonNode?> SendAsync(HttpMethod method, string path, object? body)
    {
        using var request = new HttpRequestMessage(method, new Uri("/_double/" + path, UriKind.Relative));
        if (body is not null)
        {
            request.Content = JsonContent.Create(body, options: AsWritten);
            await request.Content.LoadIntoBufferAsync();
        }

        using var reply = await _http.SendAsync(request);
        var text = await reply.Content.ReadAsStringAsync();
        return reply.IsSuccessStatusCode ? text.Length == 0 ? null : JsonNode.Parse(text) : throw new InvalidOperationException($"{method} {path}: {(int)reply.StatusCode} {text}");
    }

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
}
