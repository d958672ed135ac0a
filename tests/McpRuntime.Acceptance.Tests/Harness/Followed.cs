using System.Net.Http.Headers;
using System.Text;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>A runtime's log as a client that follows it gets it.</summary>
internal sealed class Followed : IAsyncDisposable
{
    private readonly HttpClient _http;
    private readonly CancellationTokenSource _end = new();
    private readonly StringBuilder _text = new();
    private readonly Lock _gate = new();
    private Task _reading = Task.CompletedTask;

    private Followed(RuntimeApi api)
    {
        _http = new HttpClient { BaseAddress = api.Address, Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", api.Token);
    }

    public string Text
    {
        get
        {
            lock (_gate)
            {
                return _text.ToString();
            }
        }
    }

    public static async Task<Followed> StartAsync(RuntimeApi api, string id)
    {
        var followed = new Followed(api);
        var reply = await followed._http.GetAsync(new Uri($"/runtimes/{id}/logs?follow=true", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        reply.EnsureSuccessStatusCode();
        followed._reading = followed.ReadAsync(reply);
        return followed;
    }

    public Task UntilAsync(string text) =>
        Eventually.TrueAsync(() => Task.FromResult(Text.Contains(text, StringComparison.Ordinal)), RuntimeApi.Settled, $"\"{text}\" was followed");

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _reading;
        _http.Dispose();
        _end.Dispose();
    }

    private async Task ReadAsync(HttpResponseMessage reply)
    {
        using var _ = reply;
        try
        {
            await using var stream = await reply.Content.ReadAsStreamAsync(_end.Token);
            using var reader = new StreamReader(stream);
            while (await reader.ReadLineAsync(_end.Token) is { } line)
            {
                lock (_gate)
                {
                    _text.AppendLine(line);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Enough was read.
            return;
        }
    }
}
