using System.Collections.Concurrent;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>The local engine behind a socket that lets no event through, and counts every request at the wire.</summary>
internal sealed class QuietEngine : IAsyncDisposable
{
    private readonly ConcurrentQueue<string> _requests = new();
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mcpruntime-quiet-");
    private readonly WebApplication _app;
    private readonly HttpMessageInvoker _engine = new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, ct) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Engine.Local.Socket), ct);
            return new NetworkStream(socket, ownsSocket: true);
        },
    });

    private QuietEngine()
    {
        Socket = Path.Combine(_folder.FullName, "docker.sock");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(Socket));
        _app = builder.Build();
        _app.Run(ForwardAsync);
    }

    public string Socket { get; }

    /// <summary>Method and path of everything asked so far, the version taken off: <c>GET /containers/json?…</c>.</summary>
    public IReadOnlyList<string> Requests => [.. _requests];

    public static async Task<QuietEngine> StartAsync()
    {
        var engine = new QuietEngine();
        await engine._app.StartAsync();
        return engine;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _engine.Dispose();
        _folder.Delete(recursive: true);
    }

    private async Task ForwardAsync(HttpContext context)
    {
        var ct = context.RequestAborted;
        var path = context.Request.Path.Value!;
        var versionless = path.StartsWith("/v1.", StringComparison.Ordinal) ? path[path.IndexOf('/', 1)..] : path;
        _requests.Enqueue($"{context.Request.Method} {versionless}{context.Request.QueryString}");
        if (versionless == "/events")
        {
            // An open stream on which nothing is ever said.
            await context.Response.StartAsync(ct);
            await Task.Delay(Timeout.Infinite, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        await _engine.ForwardAsync(context, new Uri($"http://engine{path}{context.Request.QueryString}"));
    }
}
