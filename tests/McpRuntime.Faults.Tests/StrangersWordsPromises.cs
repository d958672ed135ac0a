using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Faults.Tests.Simulated;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records.Secrets;
using FaultKind = McpRuntime.Core.Planning.FaultKind;

namespace McpRuntime.Faults.Tests;

/// <summary>A server, its healthcheck and an engine may quote a secret; a status never does.</summary>
internal sealed class StrangersWordsPromises
{
    private const string Secret = "hunter2-hunter2";

    [Test]
    public void A_backend_that_quotes_a_secret_in_its_refusal_is_not_repeated()
    {
        using var world = new Simulation();
        world.Records.Secrets["KEY"] = new SecretText(Secret);
        world.Backend.Refusals[ResourceKind.Container] = new Fault(FaultKind.Refused, "BadKey", $"the key {Secret} is no good");
        world.Records.Create(Simulation.Id, SimRecords.Spec("v1", secret: true));
        world.Settle();

        world.Record.ErrorMessage.Should().Contain("the key *** is no good");
        System.Text.Json.JsonSerializer.Serialize(world.Record).Should().NotContain(Secret, "neither conditions nor what is remembered of attempts");
    }

    [Test]
    public void Whatever_was_seen_and_heard_is_cleaned_and_what_identifies_it_stays()
    {
        var seen = new Observation(
            new ProviderView.Known([new SeenResource { Id = "c", Kind = ResourceKind.Container, Fingerprint = "f", Instance = "i", Message = $"unhealthy: {Secret}" }]),
            new ProviderView.Unknown(new Fault(FaultKind.Transient, "Away", Secret)),
            new Dictionary<string, Handshake>(StringComparer.Ordinal)
            {
                ["c"] = new("i", HandshakeVerdict.Failed, 1, DateTimeOffset.UnixEpoch, $"it said {Secret}", Secret, Secret, Tools: [$"tool-{Secret}"], ToolsHash: "hash")
                {
                    Definitions = [new ToolDefinition("tool", "hash", $$"""{"description":"uses {{Secret}}"}""")],
                },
            });

        var clean = StrangersWords.Without(new Redactor([new SecretText(Secret)]), seen);

        var resource = clean.Backend.Should().BeOfType<ProviderView.Known>().Which.Resources.Should().ContainSingle().Which;
        resource.Should().BeEquivalentTo(new { Id = "c", Fingerprint = "f", Instance = "i", Message = "unhealthy: ***" });
        clean.Gateway.Should().BeOfType<ProviderView.Unknown>().Which.Fault.Message.Should().Be("***");
        var heard = clean.Handshakes["c"];
        heard.Should().BeEquivalentTo(new { Message = "it said ***", ServerName = "***", ServerVersion = "***", ToolsHash = "hash" });
        heard.Tools.Should().Equal("tool-***");
        heard.Definitions.Should().ContainSingle().Which.Definition.Should().Be("""{"description":"uses ***"}""");
        StrangersWords.Without(new Redactor([]), seen).Should().BeSameAs(seen);
    }
}
