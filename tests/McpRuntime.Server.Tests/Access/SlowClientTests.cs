using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using McpRuntime.Core.Planning;
using McpRuntime.Gateways;
using McpRuntime.Server.Tests.Rest;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Server.Tests.Access;

/// <summary>Clients that send drop by drop, to hold what others need.</summary>
internal sealed class SlowClientTests
{
    private const string Message = """{"jsonrpc":"2.0","id":1,"method":"ping"}""";
    private const int Heads = 300;
    private const int Bodies = 50;

    private TestService _service = null!;
    private WebApplication _server = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _service = await TestService.StartAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _server = builder.Build();
        _server.Urls.Add("http://127.0.0.1:0");
        _server.Run(context =>
        {
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync("""{"jsonrpc":"2.0","id":1,"result":{}}""");
        });
        await _server.StartAsync();

        // Ids without a record: the reconciler would take away a route that its record does not ask for.
        foreach (var (id, name) in new[] { ("01k0000000000000000000slw1", "attacked"), ("01k0000000000000000000slw2", "other") })
        {
            await _service.Services.GetRequiredService<IRouteTable>().PutAsync(
                new GatewayRoute($"r-{id}", id, name, new UpstreamAddress("127.0.0.1", new Uri(_server.Urls.First()).Port), "i", "/mcp", "STREAMABLEHTTP", "public", null, "admin", [], [], DateTimeOffset.UnixEpoch, "f"),
                CancellationToken.None);
        }
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _service.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Test]
    public async Task Who_sends_drop_by_drop_is_let_go_within_seconds_and_others_hardly_notice()
    {
        var calm = await LatenciesAsync(200);
        using var enough = new CancellationTokenSource();
        var head = $"POST /mcp/attacked HTTP/1.1\r\nHost: {_service.Address.Authority}\r\nAuthorization: Bearer {_service.AdminToken}\r\nContent-Type: application/json\r\n";
        var watch = Stopwatch.StartNew();
        var heads = Enumerable.Range(0, Heads).Select(_ => DripAsync(head, enough.Token)).ToList();
        var bodies = Enumerable.Range(0, Bodies).Select(_ => DripAsync(head + "Content-Length: 100000\r\n\r\n{", enough.Token)).ToList();

        var busy = await LatenciesAsync(200);
        var ends = await Task.WhenAll(heads.Concat(bodies)).WaitAsync(TimeSpan.FromSeconds(30));
        await enough.CancelAsync();

        TestContext.Out.WriteLine($"{Heads + Bodies} slow clients were let go within {watch.Elapsed.TotalSeconds:0.0} s; another runtime's p99: {calm.TotalMilliseconds:0.0} ms calm, {busy.TotalMilliseconds:0.0} ms meanwhile (× {busy / calm:0.0})");
        ends.Should().OnlyContain(answer => answer.Length == 0 || answer.StartsWith("HTTP/1.1 408", StringComparison.Ordinal));
        ends.TakeLast(Bodies).Should().OnlyContain(answer => answer.StartsWith("HTTP/1.1 408", StringComparison.Ordinal), "they are told why");
        busy.Should().BeLessThan(TimeSpan.FromSeconds(1));
        (await LatenciesAsync(20)).Should().BeLessThan(TimeSpan.FromSeconds(1));
    }

    /// <returns>The 99th of a hundred.</returns>
    private async Task<TimeSpan> LatenciesAsync(int count)
    {
        var all = new List<TimeSpan>();
        for (var i = 0; i < count; i++)
        {
            var watch = Stopwatch.StartNew();
            using var reply = await _service.Admin.PostAsync("/mcp/other", new StringContent(Message, Encoding.UTF8, "application/json"));
            reply.StatusCode.Should().Be(HttpStatusCode.OK);
            all.Add(watch.Elapsed);
        }

        return all.Order().ElementAt(count * 99 / 100);
    }

    /// <summary>A byte every half second, until it is let go.</summary>
    /// <returns>What it was told.</returns>
    private async Task<string> DripAsync(string beginning, CancellationToken ct)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _service.Address.Port, ct);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(beginning), ct);
        var answer = new byte[4096];
        var told = stream.ReadAsync(answer, ct).AsTask();
        using var drop = new PeriodicTimer(TimeSpan.FromMilliseconds(500));
        try
        {
            while (!told.IsCompleted && await drop.WaitForNextTickAsync(ct))
            {
                await stream.WriteAsync("x"u8.ToArray(), ct);
            }

            return Encoding.ASCII.GetString(answer, 0, await told);
        }
        catch (IOException)
        {
            return told.IsCompletedSuccessfully ? Encoding.ASCII.GetString(answer, 0, await told) : "";
        }
    }
}
