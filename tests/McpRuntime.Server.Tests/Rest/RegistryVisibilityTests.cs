using System.Net;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Server.Records;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Server.Tests.Rest;

/// <summary>What the registry of connected servers shows, and to whom not.</summary>
internal sealed class RegistryVisibilityTests
{
    private TestService _service = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _service = await TestService.StartAsync();

        // Turns that see nothing change little: what is connected is this test's word.
        _service.Backend.Away = new Fault(FaultKind.Transient, "Away", "not here");
    }

    [TearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [Test]
    public async Task A_caller_of_another_team_sees_nothing_of_a_teams_server_and_can_not_ask_for_it_by_name()
    {
        await _service.DeployAsync("teams", new { team_id = "red", visibility = "team" });
        await _service.DeployAsync("mine", new { visibility = "private" });
        await _service.DeployAsync("open", new { visibility = "public" });
        using var red = await _service.ClientAsync("ruby", "viewer", team: "red");
        using var blue = await _service.ClientAsync("ben", "viewer", team: "blue");

        await Eventually.HoldsAsync(async () =>
        {
            await ConnectAllAsync();
            (await NamesAsync(blue)).Should().NotContain(["127.0.0.1/teams", "127.0.0.1/mine"]);
            (await NamesAsync(red)).Should().NotContain("127.0.0.1/mine");
            return (await NamesAsync(_service.Admin)).Length == 3 && (await NamesAsync(red)).Length == 2 && (await NamesAsync(blue)).Length == 1;
        });

        foreach (var path in new[] { "127.0.0.1%2Fteams/versions/latest", "127.0.0.1%2Fteams/versions", "127.0.0.1%2Fmine/versions/latest" })
        {
            (await blue.GetAsync($"/v0.1/servers/{path}", HttpStatusCode.NotFound)).Text("detail").Should().NotContain("red");
        }

        await Eventually.HoldsAsync(async () =>
        {
            await ConnectAllAsync();
            using var response = await red.GetAsync("/v0.1/servers/127.0.0.1%2Fteams/versions/latest");
            return response.StatusCode == HttpStatusCode.OK;
        });
        (await NamesAsync(blue, "?search=teams")).Should().BeEmpty();
    }

    private static async Task<string[]> NamesAsync(HttpClient client, string query = "") =>
        [.. (await client.GetAsync($"/v0.1/servers{query}", HttpStatusCode.OK)).GetProperty("servers").EnumerateArray().Select(item => item.GetProperty("server").Text("name"))];

    private Task<int> ConnectAllAsync() => _service.Services.GetRequiredService<Database>().WriteAsync(
        (db, ct) => db.Statuses.ExecuteUpdateAsync(row => row.SetProperty(status => status.Status, RuntimeStatus.Connected), ct),
        CancellationToken.None);
}
