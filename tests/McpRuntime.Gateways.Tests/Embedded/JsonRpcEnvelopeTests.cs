using System.Buffers;
using System.Text;
using McpRuntime.Gateways.Embedded;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class JsonRpcEnvelopeTests
{
    [TestCase("""{"jsonrpc":"2.0","id":7,"method":"tools/list"}""", "7", "tools/list")]
    [TestCase("""{"id":"a\"b","method":"x","params":{"id":3,"method":"y","deep":[[{"id":4}]]}}""", "\"a\\u0022b\"", "x")]
    [TestCase("""{"params":{"id":3},"method":"x","id":18446744073709551616}""", "18446744073709551616", "x")]
    [TestCase("""{"method":"notifications/initialized"}""", null, "notifications/initialized")]
    [TestCase("""[{"id":1,"method":"x"}]""", null, null)]
    [TestCase("""{"id":{"a":1},"method":["x"]}""", null, null)]
    public void The_id_and_method_are_those_of_the_top_level(string text, string? id, string? method) =>
        Peek(text, complete: true).Should().BeEquivalentTo(new { IsMessage = true, Id = id, Method = method });

    [TestCase("")]
    [TestCase("hello")]
    [TestCase("7")]
    public void What_is_no_message_is_none(string text) => Peek(text, complete: true).IsMessage.Should().BeFalse();

    [Test]
    public void Of_a_cut_message_what_was_read_counts()
    {
        Peek("""{"id":7,"method":"x","params":{"text":"aaaaaaaaa""", complete: false).Should().BeEquivalentTo(new { IsMessage = true, Id = "7", Method = "x", IsWhole = false });
        Peek("""{"method":"x","params":{"text":"aaaaaaaaa""", complete: false).Should().BeEquivalentTo(new { IsMessage = true, Id = (string?)null, Method = "x", IsWhole = false });
    }

    [TestCase("""{"method":"tools/call","params":{"_meta":{"name":"no"},"name":"echo","arguments":{"name":"no","x":[1]}}}""", "echo", """{"name":"no","x":[1]}""", null)]
    [TestCase("""{"params":{"arguments":7,"name":"echo"},"method":"tools/call"}""", "echo", "7", null)]
    [TestCase("""{"method":"prompts/get","params":{"name":"echo","arguments":{}}}""", null, null, null)]
    [TestCase("""{"method":"tools/call","params":{"name":"a","name":"b"}}""", "b", null, "params.name")]
    [TestCase("""{"method":"tools/call","params":{"name":"a"},"meth\u006fd":"ping"}""", null, null, "method")]
    [TestCase("""{"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}""", "b", null, "params")]
    public void What_is_called_is_read_and_what_stands_twice_is_told(string text, string? tool, string? arguments, string? twice)
    {
        var envelope = JsonRpcEnvelope.Peek(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(text)), complete: true, keepArguments: true);
        envelope.Should().BeEquivalentTo(new { Tool = tool, Arguments = arguments, Twice = twice, IsWhole = true });
    }

    [Test]
    public void No_bytes_break_it()
    {
        const int Seed = 99;
        var random = new Random(Seed);
        const string Good = """{"jsonrpc":"2.0","id":"a\ud800","method":"tools/call","params":{"x":[1,2,{"y":null}]}}""";
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = Encoding.UTF8.GetBytes(Good);
            for (var changes = random.Next(4); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            var act = () => JsonRpcEnvelope.Peek(new ReadOnlySequence<byte>(bytes, 0, random.Next(bytes.Length)), random.Next(2) == 0);
            act.Should().NotThrow($"seed {Seed}, round {i}");
        }
    }

    private static JsonRpcEnvelope Peek(string text, bool complete) => JsonRpcEnvelope.Peek(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(text)), complete);
}
