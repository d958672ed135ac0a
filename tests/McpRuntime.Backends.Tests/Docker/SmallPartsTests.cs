using System.Text;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Tests.Docker;

public sealed class SmallPartsTests
{
    [TestCase("root:x:0:0::/:\nnode:x:1000:1000::/:\n", "node", true)]
    [TestCase("node:x:0:0::/:\n", "node", false)]
    [TestCase("node:x:00:0::/:\n", "node", false)]
    [TestCase("node:x:1000::\nnode:x:0::\n", "node", false)]
    [TestCase("mynode:x:1000::\n", "node", false)]
    [TestCase("node:x:\n", "node", false)]
    [TestCase("", "node", false)]
    public void A_user_counts_as_other_than_root_only_when_every_entry_says_so(string passwd, string user, bool other) =>
        Passwd.IsOther(passwd, user).Should().Be(other);

    [TestCase("pull access denied for acme/x, repository does not exist or may require 'docker login'", FaultKind.Refused, "ImageAccessDenied")]
    [TestCase("manifest for acme/x:9 not found: manifest unknown", FaultKind.Refused, "ImageNotFound")]
    [TestCase("no matching manifest for linux/amd64 in the manifest list entries", FaultKind.Refused, "ImagePlatform")]
    [TestCase("toomanyrequests: You have reached your pull rate limit", FaultKind.Throttled, "RegistryThrottled")]
    [TestCase("Get \"https://registry/v2/\": dial tcp: i/o timeout", FaultKind.Transient, "PullFailed")]
    public void What_a_pull_says_is_what_the_fault_means(string words, FaultKind kind, string reason)
    {
        var fault = DockerWire.PullFault("docker.io/acme/x", "9", words);

        fault.Kind.Should().Be(kind);
        fault.Reason.Should().Be(reason);
        fault.Message.Should().Contain("docker.io/acme/x:9").And.Contain(words[..20]);
    }

    [TestCase("/run/x.sock", "unix:///run/x.sock", true)]
    [TestCase("unix:///run/x.sock", "unix:///run/x.sock", true)]
    [TestCase("tcp://engine:2375", "tcp://engine:2375", false)]
    [TestCase("tcp://engine", "tcp://engine:2375", false)]
    public void An_engines_address_is_a_socket_or_a_host(string text, string description, bool local)
    {
        var endpoint = DockerEndpoint.Parse(text, null);

        endpoint.Description.Should().Be(description);
        endpoint.IsLocal.Should().Be(local);
    }

    [TestCase("ssh://engine")]
    [TestCase("engine")]
    [TestCase("")]
    public void Other_addresses_are_refused_with_the_allowed_forms(string text)
    {
        var parse = () => DockerEndpoint.Parse(text, null);

        parse.Should().Throw<FormatException>().WithMessage("*tcp://host:port*");
    }

    [Test]
    public async Task Credentials_go_by_the_longest_prefix_on_a_path_boundary_and_by_team()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, """
            {"credentials": [
              {"registry": "ghcr.io", "username": "all", "password": "p1"},
              {"registry": "ghcr.io/acme", "username": "acme", "password": "p2", "teams": ["a"]},
              {"registry": "docker.io/acme", "identity_token": "t"}
            ]}
            """);
        using var credentials = new RegistryCredentials(file);

        (await credentials.FindAsync("ghcr.io/acme/x:1", "a", default))!.Username.Should().Be("acme");
        (await credentials.FindAsync("ghcr.io/acme/x:1", "b", default))!.Username.Should().Be("all");
        (await credentials.FindAsync("ghcr.io/acme/x:1", null, default))!.Username.Should().Be("all");
        (await credentials.FindAsync("ghcr.io/acme-evil/x:1", "a", default))!.Username.Should().Be("all");
        (await credentials.FindAsync("acme/x:1", null, default))!.IdentityToken.Should().Be("t");
        (await credentials.FindAsync("quay.io/acme/x:1", null, default)).Should().BeNull();
        (await credentials.FindAsync("ghcr.io/acme/x:1", "a", default))!.ToString().Should().NotContain("p2");
        File.Delete(file);
    }

    [TestCase("{}")]
    [TestCase("{\"credentials\": [{\"registry\": \"x\", \"pasword\": \"s3cret\"}]}")]
    [TestCase("{\"credentials\": [{\"password\": \"s3cret\"}]}")]
    [TestCase("s3cret")]
    public void A_broken_credentials_file_is_told_without_its_content(string text)
    {
        var parse = () => RegistryCredentials.Parse(Encoding.UTF8.GetBytes(text));

        parse.Should().Throw<BackendFault>().Which.ToString().Should().Contain("RUNTIME_REGISTRY_CREDENTIALS").And.NotContain("s3cret");
    }

    [Test]
    public void A_report_read_back_gets_worse_or_better_known_but_never_better()
    {
        var live = new ControlReport(Control.Memory, ControlOutcome.Weakened, Observed: "Memory=0");

        new ControlReport(Control.Memory, ControlOutcome.Enforced, "x").ReadBack(live).Outcome.Should().Be(ControlOutcome.Weakened);
        new ControlReport(Control.Memory, ControlOutcome.NotAsked).ReadBack(live).Outcome.Should().Be(ControlOutcome.NotAsked);
        new ControlReport(Control.Memory, ControlOutcome.Weakened).ReadBack(live with { Outcome = ControlOutcome.Enforced }).Outcome.Should().Be(ControlOutcome.Weakened);
    }
}
