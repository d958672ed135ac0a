using System.Globalization;
using System.Net;
using System.Text.Json;
using McpRuntime.Backends.Docker.Guard;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Gateways.Egress;

/// <summary>Where the controller pushes policies and reads refusals. From outside only, and with the token; health needs none.</summary>
internal sealed class GuardControl : IAsyncDisposable
{
    private const int MaxBody = 256 * 1024;
    private const int MaxRefusals = 1000;

    private readonly GuardToken _token;
    private readonly PolicyTable _policies;
    private readonly Ledger _ledger;
    private readonly TunnelSet _tunnels;
    private readonly INetworkView _networks;
    private readonly Func<GuardHealth> _health;
    private readonly WebApplication _app;

    public GuardControl(
        IPEndPoint at, GuardToken token, PolicyTable policies, Ledger ledger, TunnelSet tunnels, INetworkView networks, Func<GuardHealth> health)
    {
        (_token, _policies, _ledger, _tunnels, _networks, _health) = (token, policies, ledger, tunnels, networks, health);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = MaxBody;
            kestrel.Limits.MaxConcurrentConnections = 64;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Listen(at, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(OnlyFromOutsideAsync);
            });
        });
        builder.Services.AddRoutingCore();
        _app = builder.Build();
        _app.Use(AuthorizeAsync);
        Map(_app);
    }

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public Task StartAsync(CancellationToken ct) => _app.StartAsync(ct);

    public async ValueTask DisposeAsync()
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(deadline.Token);
        await _app.DisposeAsync();
    }

    private void Map(WebApplication app)
    {
        app.MapGet("/healthz", (RequestDelegate)(context => AnswerAsync(context, _health())));
        app.MapGet("/policies", (RequestDelegate)(context => AnswerAsync(context, new GuardPolicyList(_policies.All))));
        app.MapPut("/policies/{id}", (RequestDelegate)PutPolicyAsync);
        app.MapDelete("/policies/{id}", (RequestDelegate)(context =>
        {
            // Absent is fine: the caller wants it gone.
            _policies.Remove((string)context.Request.RouteValues["id"]!);
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        }));
        app.MapGet("/refusals", (RequestDelegate)RefusalsAsync);
        app.MapGet("/traffic", (RequestDelegate)(context => AnswerAsync(context, _ledger.Traffic(_tunnels.OpenFrom))));
    }

    private async Task PutPolicyAsync(HttpContext context)
    {
        GuardPolicy? policy;
        try
        {
            policy = await JsonSerializer.DeserializeAsync<GuardPolicy>(context.Request.Body, GuardJson.Options, context.RequestAborted);
        }
        catch (JsonException e)
        {
            await ProblemAsync(context, StatusCodes.Status400BadRequest, "Malformed policy", e.Message);
            return;
        }

        var problem = policy is null ? "body: a policy" : _policies.Put(policy with { Id = (string)context.Request.RouteValues["id"]! });
        if (problem is not null)
        {
            await ProblemAsync(context, StatusCodes.Status422UnprocessableEntity, "Policy refused", problem);
            return;
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private Task RefusalsAsync(HttpContext context)
    {
        var after = context.Request.Query["after"].ToString();
        return after.Length == 0 ? AnswerAsync(context, _ledger.After(0, MaxRefusals))
            : long.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out var seq) ? AnswerAsync(context, _ledger.After(seq, MaxRefusals))
            : ProblemAsync(context, StatusCodes.Status400BadRequest, "Malformed query", "after: the last sequence number seen");
    }

    private Task OnlyFromOutsideAsync(ConnectionContext connection, Func<Task> next)
    {
        var local = ((IPEndPoint)connection.LocalEndPoint!).Address.Plain();
        var remote = ((IPEndPoint)connection.RemoteEndPoint!).Address.Plain();
        if (_networks.Current().IsFromOutside(local, remote) || _networks.Refresh().IsFromOutside(local, remote))
        {
            return next();
        }

        _ledger.Refuse(_networks.Current().InnerOf(remote)?.Network.ToString() ?? remote.ToString(), null, local.ToString(), GuardPorts.Control, Refused.NotFromOutside);
        connection.Abort();
        return Task.CompletedTask;
    }

    private Task AuthorizeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Request.Path == "/healthz" || _token.Accepts(context.Request.Headers.Authorization.ToString()))
        {
            return next(context);
        }

        context.Response.Headers.WWWAuthenticate = "Bearer";
        return ProblemAsync(context, StatusCodes.Status401Unauthorized, "Unauthorized", "the guard wants its token");
    }

    private static Task AnswerAsync<T>(HttpContext context, T answer) =>
        context.Response.WriteAsJsonAsync(answer, GuardJson.Options, context.RequestAborted);

    private static Task ProblemAsync(HttpContext context, int status, string title, string detail)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new { title, status, detail }, GuardJson.Options, "application/problem+json", context.RequestAborted);
    }
}
