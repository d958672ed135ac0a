using System.Diagnostics;
using System.Net.Http.Json;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace McpRuntime.Doubles.Driver;

/// <summary>A double as a process of its own, and its test's door <c>/_double</c>. It ends with us, however we end.</summary>
internal abstract class DoubleProgram : IAsyncDisposable
{
    private static readonly JsonSerializerOptions AsWritten = new(JsonSerializerDefaults.General);

    private readonly Process _process;
    private readonly HttpClient _http;

    protected DoubleProgram((Process Process, Uri Url) started)
    {
        (_process, Url) = started;
        _http = new HttpClient { BaseAddress = Url };
    }

    public Uri Url { get; }

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

    /// <param name="name">Under which the assembly's metadata has its path.</param>
    protected static async Task<(Process Process, Uri Url)> StartAsync(string name, params string[] arguments)
    {
        var path = typeof(DoubleProgram).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == name).Value!;
        var process = Process.Start(new ProcessStartInfo("dotnet", [path, .. arguments]) { RedirectStandardOutput = true, RedirectStandardInput = true, UseShellExecute = false })!;
        var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"The {name} ended before it listened.");
        return (process, new Uri(line["listening on ".Length..]));
    }
}
