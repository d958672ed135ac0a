using System.Net;
using McpRuntime.Server.Tests.Records;

namespace McpRuntime.Server.Tests.Rest;

[Category("PostgreSql")]
internal sealed class DatabaseAwayTests
{
    [Test]
    public async Task While_the_database_is_away_the_api_is_503_with_retry_after_and_then_goes_on()
    {
        using var cluster = PostgreSqlCluster.OfItsOwn();
        await using var service = await TestService.StartAsync(TestService.On(cluster.NewDatabase()));
        await service.DeployAsync("before");

        cluster.Stop("immediate");
        try
        {
            foreach (var path in new[] { "/runtimes", "/runtimes/before", "/runtimes/before/events", "/readyz", "/gateways" })
            {
                using var response = await service.Admin.GetAsync(path);
                (await response.JsonAsync(HttpStatusCode.ServiceUnavailable)).Text("detail").Should().NotBeEmpty();
                response.Headers.RetryAfter!.Delta.Should().BePositive();
            }

            await service.Admin.PostTextAsync("/runtimes/deploy", """{"name": "during", "source": {"type": "docker", "image": "echo"}}""", HttpStatusCode.ServiceUnavailable);
            await service.Admin.GetAsync("/healthz", HttpStatusCode.OK);
        }
        finally
        {
            cluster.Start();
        }

        await Eventually.HoldsAsync(async () =>
        {
            using var ready = await service.Admin.GetAsync("/readyz");
            return ready.IsSuccessStatusCode;
        });
        (await service.Admin.GetAsync("/runtimes/before", HttpStatusCode.OK)).Text("name").Should().Be("before");
        await service.DeployAsync("during");
    }
}
