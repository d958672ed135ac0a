using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

[TestFixture]
[Category("Acceptance")]
internal sealed class VerificationTests
{
    private const string AcceptsAndSaysNothing = """
        use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
        bind($s, sockaddr_in(8080, INADDR_ANY)) or die $!; listen($s, 16); my @held; while (accept(my $c, $s)) { push @held, $c }
        """;

    private const string AnswersHttpOnly = """
        use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
        bind($s, sockaddr_in(8080, INADDR_ANY)) or die $!; listen($s, 16);
        while (accept(my $c, $s)) { sysread $c, my $b, 65536; syswrite $c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"; close $c }
        """;

    private Service _service = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _service = await Service.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [TestCase("mute", AcceptsAndSaysNothing)]
    [TestCase("http-only", AnswersHttpOnly)]
    public async Task A_server_that_listens_but_speaks_no_MCP_is_never_connected(string name, string program)
    {
        var id = (await _service.Api.DeployAsync(Requests.FromImage(name, Requests.Base, "perl", "-e", program))).Id;
        await _service.Api.UntilAsync(id, "running");

        // Until the prober has had its say, and on for a while: the verdict must not tip over.
        await Eventually.TrueAsync(
            async () =>
            {
                var shown = await _service.Api.FindAsync(id);
                shown.Status.Should().NotBe("connected");
                return HasFailed(shown);
            },
            TimeSpan.FromSeconds(60),
            "Verified is False, with a reason");
        for (var look = 0; look < 50; look++)
        {
            (await _service.Api.FindAsync(id)).Status.Should().NotBe("connected");
        }
    }

    [Test]
    public async Task The_reference_server_is_connected_with_its_name_and_tools()
    {
        var id = (await _service.Api.DeployAsync(Requests.FromCatalog("everything", "server-everything"))).Id;
        var shown = await _service.Api.UntilAsync(id, "connected");
        shown.Body["server_info"]!["name"]!.GetValue<string>().Should().NotBeEmpty();
        (await McpClients.InspectorToolsAsync(_service.Api.Mcp("everything"), _service.Api.Token)).Should().Contain("echo");
        await _service.Api.DeleteAsync(id);
    }

    [Test]
    public async Task Nobody_reaches_a_server_without_a_token()
    {
        var id = (await _service.Api.DeployAsync(Requests.FromCatalog("guarded"))).Id;
        await _service.Api.UntilAsync(id, "connected");
        using var http = new HttpClient();
        using var answer = await http.PostAsync(_service.Api.Mcp("guarded"), new StringContent("""{"jsonrpc":"2.0","id":1,"method":"tools/list"}""", System.Text.Encoding.UTF8, "application/json"));
        answer.StatusCode.Should().Be(System.Net.HttpStatusCode.Unauthorized);
    }

    private static bool HasFailed(RuntimeShown shown) =>
        shown.Body["conditions"]!.AsArray().Any(condition => condition!["type"]!.GetValue<string>() == "Verified"
            && string.Equals(condition["status"]!.GetValue<string>(), "false", StringComparison.OrdinalIgnoreCase));
}
