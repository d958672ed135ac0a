using System.Net;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Settings;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Server.Tests.Approvals;

/// <summary>Against a real HTTP server on the loopback address.</summary>
internal sealed class WebhookTests
{
    private static readonly SecretText Secret = new("0123456789abcdef-signing");
    private static readonly IReadOnlyList<IPNetwork> Loopback = [IPNetwork.Parse("127.0.0.0/8")];

    [Test]
    public async Task A_message_arrives_signed_with_its_time_and_its_id()
    {
        string? signature = null, id = null, body = null;
        await using var receiver = await ReceiveAsync(async http =>
        {
            (signature, id) = (http.Request.Headers[WebhookClient.SignatureHeader], http.Request.Headers[WebhookClient.IdHeader]);
            using var reader = new StreamReader(http.Request.Body);
            body = await reader.ReadToEndAsync();
        });
        using var client = Client(receiver, Loopback);

        (await client.SendAsync("m1", """{"type":"approval.requested"}""", CancellationToken.None)).Should().BeNull();

        id.Should().Be("m1");
        body.Should().Be("""{"type":"approval.requested"}""");
        var at = long.Parse(signature!.Split(',')[0]["t=".Length..], System.Globalization.CultureInfo.InvariantCulture);
        signature.Should().Be(WebhookClient.Sign(Secret, at, body!));
        WebhookClient.Sign(Secret, at, body + " ").Should().NotBe(signature);
        WebhookClient.Sign(new SecretText("another-key-of-somebody"), at, body!).Should().NotBe(signature);
    }

    [Test]
    public async Task A_private_address_is_not_connected_to_unless_it_was_opened()
    {
        var called = false;
        await using var receiver = await ReceiveAsync(_ =>
        {
            called = true;
            return Task.CompletedTask;
        });
        using var client = Client(receiver, []);

        (await client.SendAsync("m1", "{}", CancellationToken.None)).Should().Contain("not public");
        called.Should().BeFalse();
    }

    [Test]
    public async Task An_error_or_a_redirect_is_not_received()
    {
        await using var receiver = await ReceiveAsync(http =>
        {
            http.Response.Redirect("/elsewhere");
            return Task.CompletedTask;
        });
        using var client = Client(receiver, Loopback);

        (await client.SendAsync("m1", "{}", CancellationToken.None)).Should().Contain("302");
    }

    [Test]
    public void Pauses_grow_to_an_hour()
    {
        Enumerable.Range(0, 40).Select(WebhookDelivery.Pause).Should().BeInAscendingOrder();
        WebhookDelivery.Pause(0).Should().Be(TimeSpan.FromSeconds(5));
        WebhookDelivery.Pause(40).Should().Be(TimeSpan.FromHours(1));
    }

    private static WebhookClient Client(WebApplication receiver, IReadOnlyList<IPNetwork> allowed) =>
        new(new WebhookSettings(new Uri(receiver.Urls.First() + "/hook"), Secret), allowed, TimeProvider.System);

    private static async Task<WebApplication> ReceiveAsync(RequestDelegate receive)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(receive);
        await app.StartAsync();
        return app;
    }
}
