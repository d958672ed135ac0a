using System.Text.RegularExpressions;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

[TestFixture]
[Category("Acceptance")]
internal sealed partial class ConformanceTests
{
    /// <summary>The gateway checks the Origin itself, so it may pass here where the server does not.</summary>
    private const string OriginScenario = "dns-rebinding-protection";

    [TestCase("server-everything", 3001, 10, TestName = "The_suite_gives_the_same_result_through_the_gateway_for_the_reference_server")]
    [TestCase("sample-server", 8080, 29, TestName = "The_suite_gives_the_same_result_through_the_gateway_for_a_server_that_passes_it")]
    public async Task The_suite_gives_the_same_result_through_the_gateway(string entry, int port, int passing)
    {
        await using var service = await Service.StartAsync();
        var id = (await service.Api.DeployAsync(Requests.FromCatalog("conformant", entry, null, ("SAMPLE_CONFORMANCE", "1")))).Id;
        await service.Api.UntilAsync(id, "connected");
        var container = await Engine.Local.TheContainerAsync(id);
        var address = container["NetworkSettings"]!["Networks"]!.AsObject().Single().Value!["IPAddress"]!.GetValue<string>();
        await using var proxy = await AuthorizingProxy.StartAsync(service.Api.Mcp("conformant"), service.Api.Token);

        var direct = await SuiteAsync(new Uri($"http://{address}:{port}/mcp"));
        var through = await SuiteAsync(proxy.Address);

        direct.Should().HaveCountGreaterThan(20, "the suite ran");
        direct.Values.Count(result => result.Failed == 0).Should().BeGreaterThanOrEqualTo(passing, "the comparison means something");
        through.Where(scenario => scenario.Key != OriginScenario).Should().BeEquivalentTo(direct.Where(scenario => scenario.Key != OriginScenario));
        through[OriginScenario].Passed.Should().BeGreaterThanOrEqualTo(direct[OriginScenario].Passed);
        TestContext.Out.WriteLine($"{direct.Count} scenarios, {direct.Values.Count(result => result.Failed == 0)} of which pass on this server, with and without the gateway");
    }

    [Test]
    public async Task The_suite_gives_the_same_result_for_the_reference_server_over_stdio_as_over_HTTP()
    {
        await using var service = await Service.StartAsync();
        var direct = (await service.Api.DeployAsync(Requests.FromCatalog("over-http", "server-everything"))).Id;
        var stdio = Requests.FromImage("over-stdio", "mcpruntime/server-everything:latest", "stdio");
        stdio.Remove("endpoint_port");
        stdio["gateway_transport"] = "STDIO";
        var bridged = (await service.Api.DeployAsync(stdio)).Id;
        await service.Api.UntilAsync(direct, "connected");
        await service.Api.UntilAsync(bridged, "connected");
        await using var http = await AuthorizingProxy.StartAsync(service.Api.Mcp("over-http"), service.Api.Token);
        await using var bridge = await AuthorizingProxy.StartAsync(service.Api.Mcp("over-stdio"), service.Api.Token);

        var overHttp = await SuiteAsync(http.Address);
        var overStdio = await SuiteAsync(bridge.Address);

        overHttp.Should().HaveCountGreaterThan(20, "the suite ran");
        // Documented: an answer before which nothing else came is JSON here, and the suite judges streams where there are some.
        overHttp["server-sse-multiple-streams"].Should().Be((2, 0));
        overStdio["server-sse-multiple-streams"].Should().Be((1, 0));
        overHttp = overHttp.Where(scenario => scenario.Key != "server-sse-multiple-streams").ToDictionary(StringComparer.Ordinal);
        overStdio = overStdio.Where(scenario => scenario.Key != "server-sse-multiple-streams").ToDictionary(StringComparer.Ordinal);
        foreach (var scenario in overHttp.Where(scenario => overStdio.GetValueOrDefault(scenario.Key) != scenario.Value))
        {
            TestContext.Out.WriteLine($"{scenario.Key}: {scenario.Value} over HTTP, {overStdio.GetValueOrDefault(scenario.Key)} over stdio");
        }

        overStdio.Should().BeEquivalentTo(overHttp);
    }

    private static async Task<IReadOnlyDictionary<string, (int Passed, int Failed)>> SuiteAsync(Uri endpoint)
    {
        // It exits with 1 when a scenario fails, as some do on this server: the summary is the result.
        var ran = await Run.Async(Places.Node, [Places.Conformance, "server", "--url", endpoint.ToString()], TimeSpan.FromMinutes(3));
        return SummaryLine().Matches(ran.Output + ran.Errors).ToDictionary(
            match => match.Groups["name"].Value,
            match => (Number(match, "passed"), Number(match, "failed")),
            StringComparer.Ordinal);
    }

    private static int Number(Match match, string group) => int.Parse(match.Groups[group].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^[✓✗]\s(?<name>[^:\s]+):\s(?<passed>\d+)\spassed,\s(?<failed>\d+)\sfailed", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex SummaryLine();
}
