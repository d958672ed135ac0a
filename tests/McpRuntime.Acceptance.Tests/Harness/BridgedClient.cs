using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>A client of streamable HTTP that does what the SDKs do when its session has ended, and tells what became of each call.</summary>
internal sealed class BridgedClient(Uri endpoint, string token) : IDisposable
{
    /// <summary>Nothing may take longer: what does, hangs.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    private readonly HttpClient _http = new() { Timeout = Longest };
    private readonly SemaphoreSlim _opening = new(1);
    private string? _session;
    private int _next;

    public int Reopened { get; private set; }

    public Task OpenAsync() => ReopenAsync(_session);

    /// <summary>Until it is initialized; what stands between (a restart, a replacement) is waited out as long as that takes.</summary>
    /// <param name="lost">Of the calls that lost the same session one opens the next.</param>
    private async Task ReopenAsync(string? lost)
    {
        await _opening.WaitAsync();
        try
        {
            if (_session == lost)
            {
                await InitializeAsync();
            }
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task InitializeAsync()
    {
        Reopened++;
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    using var reply = await PostAsync("""{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bridged","version":"1"}}}""", null);
                    _session = reply.IsSuccessStatusCode ? reply.Headers.GetValues("Mcp-Session-Id").Single() : null;
                    return _session is not null;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            Longest,
            "a session is opened");
    }

    /// <returns>The text of the tool's answer; null when the call ended with an error, as some must.</returns>
    /// <exception cref="InvalidOperationException">An answer that is not this call's.</exception>
    public async Task<string?> CallAsync(string tool, string argument, string text)
    {
        var (id, session) = (Interlocked.Increment(ref _next), _session);
        try
        {
            using var reply = await PostAsync($$$$"""{"jsonrpc":"2.0","id":{{{{id}}}},"method":"tools/call","params":{"name":"{{{{tool}}}}","arguments":{"{{{{argument}}}}":"{{{{text}}}}"}}}""", session);
            if (reply.StatusCode is HttpStatusCode.NotFound)
            {
                await ReopenAsync(session);
                return null;
            }

            var body = await reply.Content.ReadAsStringAsync();
            if (reply.Content.Headers.ContentType?.MediaType == "text/event-stream")
            {
                body = body.Split('\n').LastOrDefault(line => line.StartsWith("data: ", StringComparison.Ordinal))?[6..];
            }

            if (reply.StatusCode is not HttpStatusCode.OK || string.IsNullOrEmpty(body))
            {
                return null;
            }

            var answer = JsonNode.Parse(body)!;
            return answer["id"]!.GetValue<int>() != id
                ? throw new InvalidOperationException($"Call {id} was answered with {body}")
                : answer["result"]?["content"]![0]!["text"]!.GetValue<string>();
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            // The service itself was killed.
            await ReopenAsync(session);
            return null;
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _opening.Dispose();
    }

    private async Task<HttpResponseMessage> PostAsync(string body, string? session)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = new StringContent(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json")) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        if (session is not null)
        {
            request.Headers.TryAddWithoutValidation("Mcp-Session-Id", session);
        }

        return await _http.SendAsync(request);
    }
}
