using System.Net;
using System.Text;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Access;
using McpRuntime.Server.Tests.Rest;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace McpRuntime.Server.Tests.Access;

/// <summary>Streams end with the right to have them, there are so many a caller, and a process that is to end ends them well.</summary>
internal sealed class OpenCallsTests
{
    private static readonly TimeSpan WithinSeconds = TimeSpan.FromSeconds(10);

    private TestService _service = null!;

    [SetUp]
    public async Task StartAsync() => _service = await TestService.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["RUNTIME_OPEN_CALLS_LIMIT"] = "3" });

    [TearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [Test]
    public async Task A_followed_log_ends_when_its_token_is_revoked()
    {
        var (client, id) = await LeaverAsync("viewer");
        await _service.DeployAsync("followed");
        using var followed = await OpenAsync(client, "/runtimes/followed/logs?follow=true");
        followed.StatusCode.Should().Be(HttpStatusCode.OK);

        await _service.Services.GetRequiredService<ITokenStore>().RevokeAsync(id, CancellationToken.None);

        await EndsAsync(followed);
        using var again = await OpenAsync(client, "/runtimes/followed/logs?follow=true");
        again.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        client.Dispose();
    }

    [Test]
    public async Task A_stream_through_the_gateway_and_a_call_that_has_no_answer_yet_end_when_their_token_is_revoked()
    {
        await using var server = await ListeningServerAsync("streamed");
        var (client, id) = await LeaverAsync("caller");
        using var stream = await OpenAsync(client, "/mcp/streamed");
        stream.Content.Headers.ContentType!.MediaType.Should().Be("text/event-stream");
        var call = client.PostAsync("/mcp/streamed", Message());
        await Eventually.HoldsAsync(() => Task.FromResult(server.Waiting == 1));

        await _service.Services.GetRequiredService<ITokenStore>().RevokeAsync(id, CancellationToken.None);

        await EndsAsync(stream);
        using var answer = await call.WaitAsync(WithinSeconds);
        answer.StatusCode.Should().Be(HttpStatusCode.Unauthorized, "nothing of an answer was there yet");
        await Eventually.HoldsAsync(() => Task.FromResult(server.Waiting == 0));
        client.Dispose();
    }

    [Test]
    public async Task A_stream_of_a_token_that_expires_ends_with_it_and_another_callers_goes_on()
    {
        await _service.DeployAsync("expiring");
        using var brief = _service.Client(await TokenAsync("brief", TimeSpan.FromSeconds(2)));
        using var ends = await OpenAsync(brief, "/runtimes/expiring/logs?follow=true");
        using var goesOn = await OpenAsync(_service.Admin, "/runtimes/expiring/logs?follow=true");

        await EndsAsync(ends);

        var next = (await goesOn.Content.ReadAsStreamAsync()).ReadAsync(new byte[1]).AsTask();
        (!next.IsCompleted || await next > 0).Should().BeTrue("the admin's token is as good as before");
    }

    [Test]
    public async Task So_many_streams_a_caller_then_429_and_a_closed_one_makes_room()
    {
        await _service.DeployAsync("crowded");
        var streams = new List<HttpResponseMessage>();
        for (var index = 0; index < 3; index++)
        {
            streams.Add(await OpenAsync(_service.Admin, "/runtimes/crowded/logs?follow=true"));
        }

        using (var refused = await _service.Admin.GetAsync("/runtimes/crowded/logs?follow=true"))
        {
            (await refused.JsonAsync(HttpStatusCode.TooManyRequests)).Text("detail").Should().Contain("RUNTIME_OPEN_CALLS_LIMIT");
            refused.Headers.RetryAfter!.Delta.Should().BePositive();
        }

        using var other = await _service.ClientAsync("other", "viewer");
        using var others = await OpenAsync(other, "/runtimes/crowded/logs?follow=true");
        others.StatusCode.Should().Be(HttpStatusCode.OK, "the cap is each caller's own");
        await _service.Admin.GetAsync("/runtimes/crowded", HttpStatusCode.OK);
        streams[0].Dispose();
        await Eventually.HoldsAsync(async () =>
        {
            using var room = await OpenAsync(_service.Admin, "/runtimes/crowded/logs?follow=true");
            return room.StatusCode == HttpStatusCode.OK;
        });
        streams.ForEach(stream => stream.Dispose());
    }

    [Test]
    public async Task At_shutdown_a_wait_answers_with_what_there_is_and_a_followed_log_ends_well()
    {
        await using var service = await TestService.StartAsync();
        service.Backend.Away = new Fault(FaultKind.Transient, "Away", "The backend is away.");
        await service.DeployAsync("waited");
        service.Backend.Away = null;
        using var followed = await OpenAsync(service.Admin, "/runtimes/waited/logs?follow=true");
        service.Backend.Away = new Fault(FaultKind.Transient, "Away", "The backend is away.");
        var wait = service.Admin.PostAsync("/runtimes/deploy?wait_seconds=600", new StringContent("""{"name": "waits", "source": {"type": "docker", "image": "docker.io/library/echo:1"}}""", Encoding.UTF8, "application/json"));
        await Eventually.HoldsAsync(async () =>
        {
            using var there = await service.Admin.GetAsync("/runtimes/waits");
            return there.StatusCode == HttpStatusCode.OK;
        });

        service.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();

        using var answer = await wait.WaitAsync(WithinSeconds);
        (await answer.JsonAsync(HttpStatusCode.Created)).GetProperty("runtime").Text("name").Should().Be("waits");
        await EndsAsync(followed);
    }

    private static async Task<HttpResponseMessage> OpenAsync(HttpClient client, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd("text/event-stream");
        return await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>To its proper end: a connection that was cut would throw.</summary>
    private static async Task EndsAsync(HttpResponseMessage stream) => await stream.Content.ReadAsByteArrayAsync().WaitAsync(WithinSeconds);

    private async Task<(HttpClient Client, string TokenId)> LeaverAsync(string role)
    {
        var client = await _service.ClientAsync("leaver", role);
        var tokens = await _service.Services.GetRequiredService<ITokenStore>().ListAsync(CancellationToken.None);
        return (client, tokens.Single(token => token.Subject == "leaver").Id);
    }

    private async Task<string> TokenAsync(string subject, TimeSpan validFor)
    {
        var (text, now) = (ApiTokens.NewText(), TimeProvider.System.GetUtcNow());
        await _service.Services.GetRequiredService<ITokenStore>()
            .AddAsync(new ApiToken(ApiTokens.NewId(), subject, Roles.Viewer, [], now, now + validFor, null), ApiTokens.HashOf(text), CancellationToken.None);
        return text;
    }

    private static StringContent Message() => new("""{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}""", Encoding.UTF8, "application/json");

    /// <summary>A server whose GET is a stream without an end, and whose POST is never answered; with a route to it.</summary>
    private async Task<ListeningServer> ListeningServerAsync(string name)
    {
        var server = await ListeningServer.StartAsync();
        await _service.Services.GetRequiredService<IRouteTable>().PutAsync(
            new GatewayRoute($"r-{name}", "01k0000000000000000000opn1", name, new UpstreamAddress("127.0.0.1", server.Port), "i", "/", "STREAMABLEHTTP", "public", null, "admin", [], [], DateTimeOffset.UnixEpoch, "f"),
            CancellationToken.None);
        return server;
    }

    private sealed class ListeningServer(WebApplication app) : IAsyncDisposable
    {
        private int _waiting;

        public int Port => new Uri(app.Urls.First()).Port;

        public int Waiting => Volatile.Read(ref _waiting);

        public static async Task<ListeningServer> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMilliseconds(100));
            var app = builder.Build();
            app.Urls.Add("http://127.0.0.1:0");
            var server = new ListeningServer(app);
            app.MapGet("/", async (HttpContext http) =>
            {
                http.Response.ContentType = "text/event-stream";
                await http.Response.Body.FlushAsync();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            });
            app.MapPost("/", async (HttpContext http) =>
            {
                Interlocked.Increment(ref server._waiting);
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                Interlocked.Decrement(ref server._waiting);
            });
            await app.StartAsync();
            return server;
        }

        public async ValueTask DisposeAsync() => await app.DisposeAsync();
    }
}
