using System.Net;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Settings;
using McpRuntime.Server.Tests.Records;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace McpRuntime.Server.Tests.Approvals;

/// <summary>The outbox on a real database, its receiver a real HTTP server, and a clock that the test moves.</summary>
[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class WebhookDeliveryTests<TKind> : OnDatabase<TKind>, IDisposable
    where TKind : IDatabaseKind, new()
{
    private readonly List<string> _received = [];
    private WebApplication _receiver = null!;
    private WebhookClient _client = null!;
    private WebhookDelivery _delivery = null!;
    private int _answer = StatusCodes.Status200OK;

    [SetUp]
    public async Task ReceiveAsync()
    {
        _answer = StatusCodes.Status200OK;
        _received.Clear();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _receiver = builder.Build();
        _receiver.Run(http =>
        {
            _received.Add(http.Request.Headers[WebhookClient.IdHeader].ToString());
            http.Response.StatusCode = _answer;
            return Task.CompletedTask;
        });
        await _receiver.StartAsync();
        _client = new WebhookClient(new WebhookSettings(new Uri(_receiver.Urls.First() + "/hook"), new SecretText("0123456789abcdef-signing")), [IPNetwork.Parse("127.0.0.0/8")], Clock);
        _delivery = new WebhookDelivery(House.Get<Database>(), _client, House.Lease, House.Get<ApprovalMetrics>(), Clock, NullLogger<WebhookDelivery>.Instance);
    }

    [TearDown]
    public async Task EndAsync()
    {
        Dispose();
        await _receiver.DisposeAsync();
    }

    public void Dispose() => _client.Dispose();

    [Test]
    public async Task A_message_that_is_not_received_is_sent_again_with_growing_pauses_until_it_is_and_then_never_more()
    {
        await PutAsync("m1");
        _answer = StatusCodes.Status503ServiceUnavailable;

        await RunAfterAsync(TimeSpan.Zero);
        await RunAfterAsync(TimeSpan.FromSeconds(4));
        _received.Should().Equal(["m1"], "its time has not come");
        await RunAfterAsync(TimeSpan.FromSeconds(1));
        await RunAfterAsync(TimeSpan.FromSeconds(9));
        _received.Should().HaveCount(2);
        _answer = StatusCodes.Status204NoContent;
        await RunAfterAsync(TimeSpan.FromSeconds(1));
        await RunAfterAsync(TimeSpan.FromHours(2));

        _received.Should().Equal("m1", "m1", "m1");
        (await LeftAsync()).Should().BeEmpty();
    }

    [Test]
    public async Task After_a_day_a_message_is_no_news_and_is_given_up()
    {
        await PutAsync("old");
        _answer = StatusCodes.Status500InternalServerError;
        for (var hour = 0; hour < 23; hour++)
        {
            await RunAfterAsync(TimeSpan.FromHours(1));
        }

        (await LeftAsync()).Should().Equal("old");
        await RunAfterAsync(TimeSpan.FromHours(1));
        (await LeftAsync()).Should().BeEmpty();
    }

    [Test]
    public async Task One_that_fails_holds_up_no_other_and_who_does_not_lead_sends_nothing()
    {
        await PutAsync("m1");
        await _delivery.RunAsync(Ct);
        _received.Should().BeEmpty("nobody leads yet");

        _answer = StatusCodes.Status500InternalServerError;
        await RunAfterAsync(TimeSpan.Zero);
        await PutAsync("m2");
        _answer = StatusCodes.Status200OK;
        await RunAfterAsync(TimeSpan.Zero);

        _received.Should().Equal("m1", "m2");
        (await LeftAsync()).Should().Equal("m1");
    }

    private async Task RunAfterAsync(TimeSpan pause)
    {
        Clock.Advance(pause);
        await House.LeadAsync();
        await _delivery.RunAsync(Ct);
    }

    private Task<bool> PutAsync(string id)
    {
        var now = Clock.GetUtcNow().ToUnixTimeMilliseconds();
        return House.Get<Database>().WriteAsync(
            (db, _) =>
            {
                db.Webhooks.Add(new WebhookRow { Id = id, Body = "{}", NextTryAt = now, CreatedAt = now });
                return Task.FromResult(true);
            },
            Ct);
    }

    private Task<List<string>> LeftAsync() => House.Get<Database>().ReadAsync((db, stop) => db.Webhooks.Select(row => row.Id).ToListAsync(stop), Ct);
}
