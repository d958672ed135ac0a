using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>The oracles themselves: one that could not fail would prove nothing.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class HarnessTests
{
    [Test]
    public async Task The_outside_is_reached_from_an_open_container_and_not_from_a_closed_one()
    {
        await using var outside = await Outside.StartAsync();
        var probe = $"use Socket; $SIG{{ALRM}} = sub {{ exit 9 }}; alarm 3; socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, sockaddr_in({Outside.Port}, inet_aton('{outside.Address}'))) or exit 9; print <$s>";
        (await Run.Async("docker", ["run", "--rm", Requests.Base, "perl", "-e", probe])).Output.Should().Contain("outside");
        (await Run.Async("docker", ["run", "--rm", "--network", "none", Requests.Base, "perl", "-e", probe])).Exit.Should().Be(9);
    }

    [Test]
    public async Task The_registry_serves_a_pull_and_notices_one_given_up()
    {
        await using var quick = await SlowRegistry.StartAsync(256 * 1024, TimeSpan.Zero);
        var image = $"{quick.Host}/some/image:1";
        (await Run.Async("docker", ["pull", image])).Expect("docker pull");
        (await Run.Async("docker", ["rmi", image])).Expect("docker rmi");
        (await Run.Async("docker", ["pull", $"{quick.Host}/absent/image:1"])).Exit.Should().NotBe(0);
    }

    [Test]
    public async Task A_second_engine_runs_beside_the_first()
    {
        await using var engine = await PrivateEngine.StartAsync(Requests.Base);
        var socket = $"unix://{engine.Engine.Socket}";
        (await Run.Async("docker", ["-H", socket, "run", "--rm", "--network", "none", Requests.Base, "echo", "hello"])).Expect("docker run").Should().Contain("hello");
        await engine.StopAsync();
        await engine.StartAgainAsync();
        (await Run.Async("docker", ["-H", socket, "images", "-q", Requests.Base])).Output.Should().NotBeEmpty();
        (await Run.Async("docker", ["run", "--rm", Requests.Base, "true"])).Exit.Should().Be(0, "the first engine is as it was");
    }

    [Test]
    public async Task A_cluster_of_the_tests_own_answers_and_restarts()
    {
        await using var database = await PostgresCluster.StartAsync();
        await database.StopAsync();
        await database.ServeAsync();
        database.Url.Should().Contain("127.0.0.1");
    }

    [Test]
    public async Task Real_clients_and_the_conformance_suite_are_there()
    {
        (await Run.Async(Places.Node, [Places.Inspector, "--cli", "--help"])).Output.Should().Contain("--header");
        (await Run.Async(Places.Node, [Places.Conformance, "list"])).Output.Should().Contain("server-initialize");
    }
}
