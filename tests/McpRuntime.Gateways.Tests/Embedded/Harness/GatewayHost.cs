using McpRuntime.Backends;
using McpRuntime.Core.Records;
using McpRuntime.Gateways.Embedded;
using McpRuntime.Gateways.Stdio;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Tests.Embedded.Harness;

/// <summary>The gateway in a Kestrel of its own on a free port. A bearer token is the caller's name; who is not known is nobody.</summary>
internal sealed class GatewayHost : IAsyncDisposable
{
    public static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    private readonly WebApplication _app;

    private GatewayHost(WebApplication app, MemoryRoutes routes, MemorySessions sessions)
    {
        Sessions = sessions;
        _app = app;
        Routes = routes;
        Url = new Uri(app.Urls.Single());
        Client = new HttpClient { BaseAddress = Url, Timeout = Eventually.Patience };
        Client.DefaultRequestHeaders.Authorization = new("Bearer", "alice");
    }

    public MemoryRoutes Routes { get; }

    /// <summary>Shared between two gateways they are two replicas on one database.</summary>
    public MemorySessions Sessions { get; }

    public MemoryPins Pins => Services.GetRequiredService<MemoryPins>();

    public MemoryAudit Audit => Services.GetRequiredService<MemoryAudit>();

    public Uri Url { get; }

    /// <summary>Speaks as alice unless told otherwise.</summary>
    public HttpClient Client { get; }

    public IServiceProvider Services => _app.Services;

    public static async Task<GatewayHost> StartAsync(Func<GatewayOptions, GatewayOptions>? with = null, MemoryRoutes? routes = null, TimeProvider? time = null, bool anonymousIsAlice = false, MemorySessions? sessions = null, McpRuntime.Gateways.Tests.Stdio.MemoryBridges? bridges = null, IStdioChannels? stdio = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.WebHost.UseKestrelCore();
        builder.Services.AddSingleton(time ?? TimeProvider.System);
        builder.Services.AddSingleton<IRouteTable>(routes ??= new MemoryRoutes());
        builder.Services.AddSingleton<IBridgeTable>(bridges ?? new McpRuntime.Gateways.Tests.Stdio.MemoryBridges());
        if (stdio is not null)
        {
            builder.Services.AddSingleton(stdio);
        }

        builder.Services.AddSingleton<ISessionStore>(sessions ??= new MemorySessions(time ?? TimeProvider.System));
        builder.Services.AddSingleton<MemoryPins>();
        builder.Services.AddSingleton<IToolPins>(with => with.GetRequiredService<MemoryPins>());
        builder.Services.AddSingleton<MemoryAudit>();
        builder.Services.AddSingleton<IToolCallAudit>(with => with.GetRequiredService<MemoryAudit>());
        builder.Services.AddSingleton<IWakeUp, Wakes>();
        builder.Services.AddSingleton(new Anonymous(anonymousIsAlice));
        builder.Services.AddSingleton<ICallerAccessor, Names>();
        var options = new GatewayOptions { SessionKey = Key };
        builder.Services.AddEmbeddedGateway(with is null ? options : with(options));
        var app = builder.Build();
        app.Use(MapRefusalsAsync);
        app.MapMcpGateway();
        app.MapGateways();
        await app.StartAsync();
        return new GatewayHost(app, routes, sessions);
    }

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        await _app.StopAsync(soon.Token);
        await _app.DisposeAsync();
    }

    private static async Task MapRefusalsAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (Refusal refusal)
        {
            context.Response.StatusCode = refusal.Kind switch
            {
                RefusalKind.NotFound => 404,
                RefusalKind.Forbidden => 403,
                RefusalKind.Unavailable => 503,
                _ => 400,
            };
        }
    }

    private sealed record Anonymous(bool Is);

    private sealed class Names(Anonymous anonymousIsAlice) : ICallerAccessor
    {
        public Caller? Of(HttpContext context) => context.Request.Headers.Authorization.ToString().Replace("Bearer ", "", StringComparison.Ordinal) switch
        {
            "alice" => new Caller("alice", Roles.Caller, ["red"], "rest"),
            "" when anonymousIsAlice.Is => new Caller("alice", Roles.Caller, ["red"], "rest"),
            "bob" => new Caller("bob", Roles.Caller, ["blue"], "rest"),
            "viewer" => new Caller("viewer", Roles.Viewer, [], "rest"),
            "root" => new Caller("root", Roles.Admin, [], "rest"),
            "external" => new Caller("external", Roles.Caller, [], "rest") { RuntimeId = "record-private" },
            _ => null,
        };
    }
}
