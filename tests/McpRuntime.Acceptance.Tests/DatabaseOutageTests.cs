using System.Net;
using System.Security.Cryptography;
using McpRuntime.Acceptance.Tests.Harness;
using ModelContextProtocol.Client;

namespace McpRuntime.Acceptance.Tests;

/// <summary>A database that hangs, is away, or cuts every connection: clients call on, the API says so, and afterwards everything goes on.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class DatabaseOutageTests
{
    private PostgresCluster _database = null!;
    private Service _service = null!;
    private string _container = "";
    private string _id = "";

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _database = await PostgresCluster.StartAsync();
        _service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_DATABASE_URL"] = _database.Url,
            ["RUNTIME_MASTER_KEY"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
        });
        _id = (await _service.Api.DeployAsync(Requests.FromCatalog("called-on"))).Id;
        await _service.Api.UntilAsync(_id, "connected");
        _container = await ContainerAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _service.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public Task A_database_that_hangs() => ThroughAsync(_database.FreezeAsync, _database.ThawAsync);

    [Test]
    public Task A_database_that_is_away() => ThroughAsync(_database.StopAsync, _database.ServeAsync);

    [Test]
    public async Task A_database_that_cuts_every_connection_is_not_noticed()
    {
        await using var client = await McpClients.ConnectAsync(_service.Api.Mcp("called-on"), _service.Api.Token);

        await _database.QueryAsync("select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'mcpruntime'");

        (await _service.Api.GetAsync($"/runtimes/{_id}")).Expect(HttpStatusCode.OK);
        await EchoAsync(client);
        await ActsAsync();
    }

    private async Task ThroughAsync(Func<Task> break_, Func<Task> mend)
    {
        await using var client = await McpClients.ConnectAsync(_service.Api.Mcp("called-on"), _service.Api.Token);
        await EchoAsync(client);
        await break_();
        try
        {
            var answer = await Eventually.IsAsync(
                () => _service.Api.GetAsync($"/runtimes/{_id}"), seen => seen.Status == HttpStatusCode.ServiceUnavailable, TimeSpan.FromSeconds(30), last => $"a 503; last {last?.Status}");
            answer.Headers.RetryAfter!.Delta.Should().BePositive();
            for (var call = 0; call < 5; call++)
            {
                await EchoAsync(client);
            }

            (await McpClients.CallAsync(_service.Api.Mcp("called-on"), _service.Api.Token, "echo", ("message", "a new client"))).Should().Be("a new client");
        }
        finally
        {
            await mend();
        }

        await _service.Api.UntilAsync(_id, "connected", TimeSpan.FromSeconds(30));
        await ActsAsync();
    }

    private static async Task EchoAsync(McpClient client) =>
        (await McpClients.CallAsync(client, "echo", ("message", "on")).WaitAsync(TimeSpan.FromSeconds(10))).Should().Be("on");

    /// <summary>It leads and acts: what ran was not disturbed, and what is broken now is mended.</summary>
    private async Task ActsAsync()
    {
        (await ContainerAsync()).Should().Be(_container, "nothing that runs was disturbed");
        await Engine.Local.RemoveContainerAsync(_container);
        await Eventually.TrueAsync(
            async () => (await Engine.Local.OfRecordAsync(_id)) is [var one] && one["Id"]!.GetValue<string>() != _container, TimeSpan.FromSeconds(40), "the container is made again");
        // Its status may be the one from before for a moment; a client that is answered is not.
        await Eventually.TrueAsync(AnswersAsync, TimeSpan.FromSeconds(40), "it serves again");
        _container = await ContainerAsync();
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            return await McpClients.CallAsync(_service.Api.Mcp("called-on"), _service.Api.Token, "echo", ("message", "on")) == "on";
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task<string> ContainerAsync() => (await Engine.Local.TheContainerAsync(_id))["Id"]!.GetValue<string>();
}
