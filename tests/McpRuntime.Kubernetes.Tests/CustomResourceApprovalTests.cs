using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>What an object loosens waits for people: asked by kubectl, decided by REST, told in the object's status.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class CustomResourceApprovalTests
{
    private const string Secret = "0123456789abcdef0123456789abcdef-shared";
    private const string Source = "source: {type: docker, image: 'mcpruntime/sample-server:latest'}, gateway: {port: 8080}";

    private readonly CustomResourceWorld _world = new("crdask");

    [OneTimeSetUp]
    public Task StartAsync() => _world.StartAsync(
        ("RUNTIME_APPROVAL_ENABLED", "true"),
        ("RUNTIME_APPROVAL_REGISTRY_ALLOWLIST", "docker.io/mcpruntime"),
        ("RUNTIME_JWT_SECRET", Secret));

    [OneTimeTearDown]
    public async Task StopAsync() => await _world.DisposeAsync();

    [Test]
    public async Task A_loosened_override_waits_for_two_approvers_and_is_ready_after_them()
    {
        await _world.ApplyAsync("loose", $"{{{Source}, guardrails: {{profile: restricted, overrides: {{filesystem: {{readOnlyRoot: false}}}}}}}}");

        var id = await PendingAsync("loose");
        (await _world.StatusAsync("loose", "status")).Should().Be("pending_approval");
        (await _world.ConditionAsync("loose", "Accepted", "status")).Should().Be("True", "it is understood, and waits");
        (await _world.ConditionAsync("loose", "Ready", "status")).Should().Be("False");
        DateTimeOffset.Parse(await _world.StatusAsync("loose", "approval.expiresAt"), System.Globalization.CultureInfo.InvariantCulture).Should().BeAfter(DateTimeOffset.UtcNow);
        (await _world.MadeOfAsync(await _world.StatusAsync("loose", "runtimeId"))).Should().NotContain("deployment", "nothing runs that nobody has allowed");

        await ApproveAsync(id, "ann", "approved once");
        (await _world.StatusAsync("loose", "approval.status")).Should().Be("pending", "nobody knows which person applied it, so that it takes two");
        await ApproveAsync(id, "bea", "approved twice");

        await _world.ReadyAsync("loose");
        (await _world.CallAsync("loose", "approved")).Should().Be("approved");
        (await _world.StatusAsync("loose", "approval.status")).Should().Be("approved");
        (await _world.StatusAsync("loose", "approval.expiresAt")).Should().BeEmpty("there is nothing left to expire");
        await _world.DeletedAsync("mcprt/loose");
    }

    [Test]
    public async Task An_edit_of_a_declared_profile_waits_for_two_approvers_while_the_old_one_serves()
    {
        await ProfileAsync(readOnlyRoot: true);
        await _world.ApplyAsync("profiled", $"{{{Source}, guardrails: {{profile: house}}}}");
        await _world.ReadyAsync("profiled");
        (await _world.StatusAsync("profiled", "approval")).Should().BeEmpty();

        await ProfileAsync(readOnlyRoot: false);
        var id = await PendingAsync("profiled");
        (await _world.CallAsync("profiled", "old")).Should().Be("old", "the generation that was allowed serves on");
        (await RootsAsync()).Should().Be("true");

        await ApproveAsync(id, "ann", null);
        (await RootsAsync()).Should().Be("true");
        await ApproveAsync(id, "bea", null);

        await Eventually.TrueAsync(async () => await RootsAsync() == "false", TimeSpan.FromSeconds(60), "the edited profile is what runs");
        await _world.ReadyAsync("profiled");
        await _world.DeletedAsync("mcprt/profiled", "guardrailprofile/house");
    }

    private static Task ProfileAsync(bool readOnlyRoot) => TheCluster.It.ApplyAsync(
        $"apiVersion: mcpruntime.dev/v1alpha1\nkind: GuardrailProfile\nmetadata: {{name: house}}\nspec: {{description: of the house, config: {{filesystem: {{readOnlyRoot: {(readOnlyRoot ? "true" : "false")}}}}}}}\n");

    private async Task<string> RootsAsync() =>
        (await _world.AdminAsync("get", "deployments", "-n", _world.Backend, "-l", $"dev.mcpruntime/record={await _world.StatusAsync("profiled", "runtimeId")}", "-o", "jsonpath={.items[*].spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem}")).Trim();

    /// <returns>The approval that the object's status names.</returns>
    private async Task<string> PendingAsync(string name)
    {
        await Eventually.TrueAsync(async () => await _world.StatusAsync(name, "approval.status") == "pending", TimeSpan.FromSeconds(60), "it waits for an approval");
        var id = await _world.StatusAsync(name, "approval.id");
        await Eventually.TrueAsync(
            async () => (await _world.Api.GetAsync($"/runtimes/approvals/{id}")).Expect(HttpStatusCode.OK).Body!["pin"] is not null, TimeSpan.FromSeconds(60), "what it is about is resolved");
        return id;
    }

    private async Task ApproveAsync(string id, string who, string? reason)
    {
        var token = TokenOf(who);
        using var api = new RuntimeApi(_world.Api.Address, () => token, []);
        (await api.SendAsync(HttpMethod.Post, $"/runtimes/approvals/{id}/approve", reason is null ? null : new JsonObject { ["reason"] = reason })).Expect(HttpStatusCode.OK);
    }

    private static string TokenOf(string approver)
    {
        var expires = DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeSeconds();
        var signed = $"{Part("""{"alg":"HS256","typ":"JWT"}""")}.{Part(new JsonObject { ["sub"] = approver, ["roles"] = new JsonArray("approver"), ["exp"] = expires }.ToJsonString())}";
        return $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes(signed)))}";

        static string Part(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));
    }
}
