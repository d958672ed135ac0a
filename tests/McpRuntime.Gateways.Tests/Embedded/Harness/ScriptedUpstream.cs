using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Tests.Embedded.Harness;

/// <summary>An HTTP server that does what the test says, and remembers what it was sent.</summary>
internal sealed class ScriptedUpstream : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ScriptedUpstream(WebApplication app)
    {
        _app = app;
        Url = new Uri(app.Urls.Single());
    }

    public Uri Url { get; }

    public ConcurrentQueue<Seen> Requests { get; } = new();

    public static async Task<ScriptedUpstream> StartAsync(Func<HttpContext, Task> script)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0").ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
        var app = builder.Build();
        ScriptedUpstream? self = null;
        app.Run(async context =>
        {
            // A body is remembered where it is small enough to have a length; others are the script's to read.
            var body = "";
            if (context.Request.ContentLength is { } length && length < 1024 * 1024)
            {
                using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
                body = await reader.ReadToEndAsync(context.RequestAborted);
            }

            context.Items["body"] = body;
            self!.Requests.Enqueue(new Seen(
                context.Request.Method,
                context.Request.Path + context.Request.QueryString.Value,
                context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase),
                body));
            await script(context);
        });
        await app.StartAsync();
        return self = new ScriptedUpstream(app);
    }

    /// <summary>Answers everything with an empty result.</summary>
    public static Task<ScriptedUpstream> EchoAsync() => StartAsync(context => JsonAsync(context, """{"jsonrpc":"2.0","id":1,"result":{}}"""));

    public static async Task JsonAsync(HttpContext context, string json, int status = 200)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(json, context.RequestAborted);
    }

    public static async Task EventAsync(HttpContext context, string text)
    {
        if (!context.Response.HasStarted)
        {
            context.Response.ContentType = "text/event-stream";
        }

        await context.Response.WriteAsync(text, context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }

    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await _app.StopAsync(soon.Token);
        await _app.DisposeAsync();
    }
}

internal sealed record Seen(string Method, string Path, IReadOnlyDictionary<string, string> Headers, string Body);
