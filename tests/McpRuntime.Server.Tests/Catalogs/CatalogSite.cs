using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Server.Tests.Catalogs;

/// <summary>A web server that catalogs are fetched from: each path does what the test says, and may be told otherwise at any time.</summary>
internal sealed class CatalogSite : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, RequestDelegate> _pages = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> _asked = new();

    private CatalogSite(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First());

    /// <summary>Every request: path, query and what tag it named.</summary>
    public IReadOnlyCollection<string> Asked => _asked;

    public static async Task<CatalogSite> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var site = new CatalogSite(builder.Build());
        site._app.Run(site.AnswerAsync);
        await site._app.StartAsync();
        return site;
    }

    public string Url(string path) => new Uri(Address, path).AbsoluteUri;

    public void On(string path, RequestDelegate answer) => _pages[path] = answer;

    public void Gives(string path, string text) => On(path, http => http.Response.WriteAsync(text));

    public void Answers(string path, int status, string? location = null) => On(path, http =>
    {
        http.Response.StatusCode = status;
        http.Response.Headers.Location = location;
        return Task.CompletedTask;
    });

    /// <summary>Takes the request and says nothing until it is given up.</summary>
    public void Hangs(string path) => On(path, http => Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));

    /// <summary>So many bytes without saying so before.</summary>
    public void Floods(string path, long bytes) => On(path, async http =>
    {
        var block = new byte[64 * 1024];
        Array.Fill(block, (byte)'#');
        for (long sent = 0; sent < bytes; sent += block.Length)
        {
            await http.Response.Body.WriteAsync(block, http.RequestAborted);
        }
    });

    public static string Catalog(params string[] ids) => "catalog_servers:\n" + string.Concat(ids.Select(id => $"""
          - id: {id}
            name: {id}
            source_type: docker
            source: docker.io/library/echo:1

        """));

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
    }

    private Task AnswerAsync(HttpContext http)
    {
        _asked.Enqueue($"{http.Request.Path}{http.Request.QueryString} {http.Request.Headers.IfNoneMatch}".TrimEnd());
        if (_pages.TryGetValue(http.Request.Path, out var answer))
        {
            return answer(http);
        }

        http.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
