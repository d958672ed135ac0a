using System.Net;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Backends.Tests.Docker;

namespace McpRuntime.Acceptance.Tests;

/// <summary>An approval is of one content, and what runs is that content: with a real registry whose tag moves.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class ApprovalTests
{
    [Test]
    public async Task The_approved_digest_runs_although_the_tag_moved_and_of_two_approvals_at_once_one_wins()
    {
        await using var registry = await RealRegistry.StartAsync(locked: false);
        await using var service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_APPROVAL_ENABLED"] = "true",
            ["RUNTIME_APPROVAL_ALLOW_SELF"] = "true",
            ["RUNTIME_DOCKER_ALLOWED_REGISTRIES"] = registry.Address,
        });
        var image = $"{registry.Address}/acme/server:1";
        await PushAsync(Requests.Sample, image);
        var asked = await service.Api.DeployAsync(Requests.FromImage("moved", image));
        asked.Status.Should().Be("pending_approval");
        var path = $"/runtimes/approvals/{asked.Body["approval_id"]}";
        var approval = await Eventually.IsAsync(
            async () => (await service.Api.GetAsync(path)).Expect(HttpStatusCode.OK).Body!, shown => shown["pin"] is not null, RuntimeApi.Settled, shown => $"it is resolved: {shown}");
        var pin = approval["pin"]!.GetValue<string>();

        await PushAsync(Requests.Base, image);
        var answers = await Task.WhenAll(service.Api.SendAsync(HttpMethod.Post, $"{path}/approve"), service.Api.SendAsync(HttpMethod.Post, $"{path}/approve"));

        answers.Select(answer => answer.Status).Should().BeEquivalentTo([HttpStatusCode.OK, HttpStatusCode.Conflict]);
        await service.Api.UntilAsync(asked.Id, "connected");
        pin.Should().StartWith($"{registry.Address}/acme/server@sha256:");
        (await Engine.Local.TheContainerAsync(asked.Id))["Config"]!["Image"]!.GetValue<string>().Should().Be(pin, "what was approved runs, not what the tag means by now");
        (await McpClients.CallAsync(service.Api.Mcp("moved"), service.Api.Token, "echo", ("message", "approved"))).Should().Be("approved");
        await Run.Async("docker", ["rmi", "--no-prune", image]);
    }

    private static async Task PushAsync(string local, string image)
    {
        (await Run.Async("docker", ["tag", local, image])).Expect("docker tag");
        (await Run.Async("docker", ["push", "-q", image], TimeSpan.FromSeconds(120))).Expect("docker push");
    }
}
