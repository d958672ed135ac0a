using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>Adds the bearer token for a client that has no option for it (the conformance suite), and changes nothing else.</summary>
internal sealed class AuthorizingProxy : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly Uri _target;
    private readonly string _token;

    private AuthorizingProxy(Uri target, string token)
    {
        _target = target;
        _token = token;
        var port = Places.FreePort();
        Address = new Uri($"http://127.0.0.1:{port}/mcp");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        _app = builder.Build();
        _app.Run(ForwardAsync);
    }

    public Uri Address { get; }

    public static async Task<AuthorizingProxy> StartAsync(Uri target, string token)
    {
        var proxy = new AuthorizingProxy(target, token);
        await proxy._app.StartAsync();
        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _http.Dispose();
    }

    private Task ForwardAsync(HttpContext context) =>
        _http.ForwardAsync(context, _target, request => request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _token));
}
