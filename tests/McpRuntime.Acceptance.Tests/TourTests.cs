using System.Net;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>The five-minute tour, once for each built-in profile, with probes that try from inside what the profile forbids.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class TourTests
{
    private static readonly string[] Order = ["pending", "deploying", "running", "connected"];

    private Service _service = null!;
    private Outside _outside = null!;

    private RuntimeApi Api => _service.Api;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _outside = await Outside.StartAsync();
        _service = await Service.StartAsync();
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _service.DisposeAsync();
        await _outside.DisposeAsync();
    }

    [TestCase("unrestricted")]
    [TestCase("standard")]
    [TestCase("restricted")]
    [TestCase("airgapped")]
    public async Task The_tour_under(string profile)
    {
        var name = $"tour-{profile}";
        var request = Requests.FromCatalog(name, profile: profile);
        var deployed = await Api.DeployAsync(request);
        var id = deployed.Id;
        var runtime = await ConnectsInOrderAsync(id, deployed.Status);

        (await McpClients.InspectorToolsAsync(Api.Mcp(name), Api.Token)).Should().Contain(["echo", "add", "whoami"]);
        (await CallAsync(name, "echo", ("message", $"heard under {profile}"))).Should().Be($"heard under {profile}");
        await Eventually.TrueAsync(
            async () => (await Api.LogsAsync(id)).Any(line => line.Contains($"echo: heard under {profile}", StringComparison.Ordinal)),
            TimeSpan.FromSeconds(5),
            "the log holds what the server wrote");

        await EnforcementOracle.HoldsAsync(runtime, Engine.Local);
        await ProbeAsync(runtime, profile);

        var first = (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>();
        await StopsAndStartsAsync(id, name);
        await RestartsAsync(id, name);
        (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>().Should().NotBe(first, "a restart gives a new container");
        await UpdatesAsync(id, name, profile);
        await DeletesAsync(id, name);
    }

    private async Task<RuntimeShown> ConnectsInOrderAsync(string id, string firstStatus)
    {
        List<string> seen = [firstStatus];
        var runtime = await Api.UntilAsync(id, shown =>
        {
            if (seen[^1] != shown.Status)
            {
                seen.Add(shown.Status);
            }

            return shown.Status is "connected";
        }, "is connected");
        seen.Should().BeSubsetOf(Order).And.BeEquivalentTo(Order.Where(seen.Contains), options => options.WithStrictOrdering(), "a status never goes back on the way up");
        runtime.Is("Ready").Should().BeTrue();
        runtime.Is("Verified").Should().BeTrue();
        return runtime;
    }

    private async Task ProbeAsync(RuntimeShown runtime, string profile)
    {
        var closed = profile is "restricted" or "airgapped";
        var open = profile is "unrestricted";

        // The image's own user is not root: what tells a read-only root from a forbidden file is the kernel's word for it.
        (await CallAsync(runtime.Name, "write_file", ("path", "/probe"), ("content", "x")))
            .Should().StartWith("no:").And.Match(answer => open || answer.Contains("Read-only file system", StringComparison.Ordinal));
        (await CallAsync(runtime.Name, "write_file", ("path", "/tmp/probe"), ("content", "x"))).Should().StartWith("ok:");
        (await CallAsync(runtime.Name, "raise_privileges")).Should().StartWith(open ? "ok:" : "no:", "set-uid programs work only without no-new-privileges");
        (await CallAsync(runtime.Name, "fork", ("count", 120))).Should().StartWith(open ? "ok:" : "no:", "the process limit");
        (await CallAsync(runtime.Name, "allocate_memory", ("megabytes", open ? 300 : 600))).Should().StartWith(open ? "ok:" : "no:", "the memory limit");
        (await CallAsync(runtime.Name, "use_capability", ("what", "mount"))).Should().StartWith("no:");
        (await CallAsync(runtime.Name, "whoami")).Should().Contain(open ? "NoNewPrivs:\t0" : "NoNewPrivs:\t1");

        (await CallAsync(runtime.Name, "connect", ("host", _outside.Address), ("port", Outside.Port))).Should().StartWith(closed ? "no:" : "ok:", "egress");
        if (closed)
        {
            (await CallAsync(runtime.Name, "resolve", ("host", "example.com"))).Should().StartWith("no:");
            (await CallAsync(runtime.Name, "connect", ("host", _outside.HostAddress), ("port", _service.Port))).Should().StartWith("no:", "the host's own ports");
        }

        (await Api.FindAsync(runtime.Id)).Status.Should().Be("connected", "the probes were stopped, the server was not");
    }

    private async Task StopsAndStartsAsync(string id, string name)
    {
        (await Api.CommandAsync(id, "stop")).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "stopped");
        (await Engine.Local.OfRecordAsync(id)).Should().BeEmpty("stopped is: nothing of it runs");
        await FluentActions.Invoking(() => CallAsync(name, "echo", ("message", "?"))).Should().ThrowAsync<Exception>("nothing answers for a stopped runtime");

        (await Api.CommandAsync(id, "start")).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "connected");
        (await CallAsync(name, "echo", ("message", "again"))).Should().Be("again");
    }

    private async Task RestartsAsync(string id, string name)
    {
        var before = (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>();
        (await Api.CommandAsync(id, "restart")).Expect(HttpStatusCode.Accepted);
        await Eventually.TrueAsync(
            async () => await Engine.Local.OfRecordAsync(id) is [var only] && only["Id"]!.GetValue<string>() != before,
            RuntimeApi.Settled,
            "another container, alone");
        await Api.UntilAsync(id, "connected");
        (await CallAsync(name, "echo", ("message", "restarted"))).Should().Be("restarted");
    }

    private async Task UpdatesAsync(string id, string name, string profile)
    {
        var before = await Api.FindAsync(id);
        var answer = await Api.SendAsync(
            HttpMethod.Put,
            $"/runtimes/{id}",
            Requests.FromCatalog(name, profile: profile, environment: ("TOUR_STAGE", "second")),
            ("If-Match", $"\"{before.Generation}\""));
        answer.Expect(HttpStatusCode.OK);
        await Api.UntilAsync(id, shown => shown.Generation == before.Generation + 1 && shown.IsCurrent, "the new generation serves");
        await Eventually.TrueAsync(
            async () => (await CallAsync(name, "environment_names")).Contains("TOUR_STAGE", StringComparison.Ordinal),
            TimeSpan.FromSeconds(20),
            "the new generation answers");
        await Eventually.TrueAsync(async () => (await Engine.Local.OfRecordAsync(id)).Count == 1, TimeSpan.FromSeconds(30), "the old container is gone");
    }

    private async Task DeletesAsync(string id, string name)
    {
        (await Api.DeleteAsync(id)).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "deleted");
        (await Leftovers.OfRecordAsync(id)).Should().BeEmpty();
        (await Api.GetAsync($"/runtimes/{name}")).Status.Should().Be(HttpStatusCode.NotFound, "the name is free again");
        (await Api.GetAsync("/gateways")).Text.Should().NotContain($"\"{name}\"");
    }

    private Task<string> CallAsync(string name, string tool, params (string Name, object? Value)[] arguments) =>
        McpClients.CallAsync(Api.Mcp(name), Api.Token, tool, arguments);
}
