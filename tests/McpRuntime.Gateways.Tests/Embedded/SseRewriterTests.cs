using System.Buffers;
using System.Net.ServerSentEvents;
using System.Text;
using McpRuntime.Gateways.Embedded;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class SseRewriterTests
{
    [TestCase("event: endpoint\ndata: /message?s=1\n\n")]
    [TestCase("event:endpoint\r\ndata:/message?s=1\r\n\r\n")]
    [TestCase("data: /message?s=1\revent: endpoint\r\r")]
    [TestCase("event: message\nevent: endpoint\ndata: /message?s=1\n\n")]
    [TestCase("id: 4\n: hm\nevent:   endpoint  \ndata: /message?s=1\nretry: 3\n\n")]
    [TestCase("\uFEFFevent: endpoint\ndata: /message?s=1\n\n")]
    [TestCase(" event : ENDPOINT\ndata: /message?s=1\n\n")]
    public void An_endpoint_is_replaced_however_it_is_written(string text) =>
        Rewritten(text).Should().Be("event: endpoint\ndata: <[/message?s=1]>\n\n");

    [Test]
    public void Every_endpoint_is_replaced_not_the_first_alone() =>
        Rewritten("event: endpoint\ndata: /a\n\nevent: message\ndata: {}\n\nevent: endpoint\ndata: /runtimes/deploy\n\n")
            .Should().Be("event: endpoint\ndata: <[/a]>\n\nevent: message\ndata: {}\n\nevent: endpoint\ndata: <[/runtimes/deploy]>\n\n");

    [TestCase("event: message\ndata: endpoint\n\n")]
    [TestCase("data: event: endpoint\n\n")]
    [TestCase("event: endpoint\nevent: message\ndata: /a\n\n", Description = "the last word counts, as it does for clients")]
    [TestCase("events: endpoint\ndata: /a\n\n")]
    [TestCase("id: 7\ndata:\n\n")]
    [TestCase(": ping\n\n")]
    public void Anything_else_passes_unchanged(string text) => Rewritten(text).Should().Be(text);

    [Test]
    public void A_comment_passes_at_once()
    {
        var (rewriter, to) = Rewriter();

        rewriter.Write(": ping\n"u8, to);

        Text(to).Should().Be(": ping\n");
    }

    [Test]
    public void An_event_passes_as_soon_as_it_is_whole()
    {
        var (rewriter, to) = Rewriter();

        rewriter.Write("data: {}\n"u8, to);
        Text(to).Should().BeEmpty();
        rewriter.AtBoundary.Should().BeTrue("a comment may still go before it");
        rewriter.Write("\n"u8, to);
        Text(to).Should().Be("data: {}\n\n");
    }

    [Test]
    public void An_event_of_any_length_passes()
    {
        var text = $"event: message\ndata: {new string('x', 5_000_000)}\nid: 5\n\ndata: next\n\n";

        Rewritten(text, piece: 10_000).Should().Be(text);
    }

    [Test]
    public void A_long_event_that_calls_itself_an_endpoint_at_its_end_cuts_the_stream() => Refuses($"data: {new string('x', 100_000)}\nevent: endpoint\n\n");

    [Test]
    public void A_long_endpoint_cuts_the_stream() => Refuses($"event: endpoint\ndata: {new string('x', 100_000)}\n\n");

    [Test]
    public void An_event_line_hidden_behind_blanks_without_end_cuts_the_stream() => Refuses($"data: {new string('x', 100_000)}\nevent: {new string(' ', 200)}endpoint\n\n");

    [Test]
    public void An_endpoint_that_can_not_be_used_cuts_the_stream()
    {
        var rewriter = new SseRewriter(_ => null);
        var act = () => rewriter.Write("event: endpoint\ndata: x\n\n"u8, new ArrayBufferWriter<byte>());

        act.Should().Throw<SseRefusedException>();
    }

    [Test]
    public void An_unfinished_endpoint_at_the_end_of_the_stream_does_not_pass()
    {
        Rewritten("data: {}\n\nevent: endpoint\ndata: /a").Should().Be("data: {}\n\n");
        Rewritten("data: /a\nevent: endpoint").Should().BeEmpty();
        Rewritten("data: {}").Should().Be("data: {}");
    }

    [Test]
    public async Task Any_stream_in_any_pieces_reads_the_same_but_for_its_endpoints()
    {
        const int Seed = 4711;
        var random = new Random(Seed);
        for (var round = 0; round < 1_000; round++)
        {
            var text = RandomStream(random);
            var expected = Events(text);
            string rewritten;
            try
            {
                rewritten = Rewritten(text, random.Next(1, 40));
            }
            catch (SseRefusedException)
            {
                continue;
            }

            var got = Events(rewritten);
            got.Where(e => e.Type != "endpoint").Should().Equal(expected.Where(e => e.Type != "endpoint"), $"seed {Seed}, round {round}: {Shown(text)}");
            got.Where(e => e.Type == "endpoint").Should().NotContain(e => !e.Data.StartsWith("<[", StringComparison.Ordinal), $"seed {Seed}, round {round}");
            (await ParsedAsync(rewritten)).Should().NotContain(e => e.Type == "endpoint" && !e.Data.StartsWith("<[", StringComparison.Ordinal), $"of another parser, seed {Seed}, round {round}");
        }
    }

    private static string Shown(string text) => System.Text.Json.JsonSerializer.Serialize(text.Replace(new string('y', 30_000), "yyy", StringComparison.Ordinal));

    private static string RandomStream(Random random)
    {
        string[] parts = ["event: endpoint", "event: message", "event:x", "data: a", "data", "data:b", ": c", "id: 1", "endpoint", "event", "\uFEFF", new string('y', 30_000), "", ""];
        string[] ends = ["\n", "\r", "\r\n", "\n\n", ""];
        var text = new StringBuilder();
        for (var i = random.Next(30); i > 0; i--)
        {
            text.Append(parts[random.Next(parts.Length)]).Append(ends[random.Next(ends.Length)]);
        }

        return text.Append("\n\n").ToString();
    }

    /// <summary>The parser of the HTML standard, by the letter.</summary>
    private static List<(string Type, string Data)> Events(string text)
    {
        var events = new List<(string, string)>();
        var (type, data) = ("", (string?)null);
        foreach (var line in text.TrimStart('\uFEFF').Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n').Split('\n')[..^1])
        {
            if (line.Length == 0)
            {
                if (data is not null)
                {
                    events.Add((type.Length == 0 ? "message" : type, data));
                }

                (type, data) = ("", null);
                continue;
            }

            var parts = line.Split(':', 2);
            var value = parts.Length == 1 ? "" : parts[1].StartsWith(' ') ? parts[1][1..] : parts[1];
            type = parts[0] == "event" ? value : type;
            data = parts[0] == "data" ? data is null ? value : $"{data}\n{value}" : data;
        }

        return events;
    }

    private static async Task<List<(string Type, string Data)>> ParsedAsync(string text)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        var events = new List<(string, string)>();
        await foreach (var item in SseParser.Create(stream).EnumerateAsync())
        {
            events.Add((item.EventType, item.Data));
        }

        return events;
    }

    private static void Refuses(string text)
    {
        foreach (var piece in (int[])[1, 7, 1000, 1_000_000])
        {
            var act = () => Rewritten(text, piece);
            act.Should().Throw<SseRefusedException>($"in pieces of {piece}");
        }
    }

    private static string Rewritten(string text, int piece = int.MaxValue)
    {
        var (rewriter, to) = Rewriter();
        foreach (var bytes in Encoding.UTF8.GetBytes(text).Chunk(Math.Min(piece, 10_000_000)))
        {
            rewriter.Write(bytes, to);
        }

        rewriter.Complete(to);
        return Text(to);
    }

    private static (SseRewriter Rewriter, ArrayBufferWriter<byte> To) Rewriter() => (new SseRewriter(address => $"<[{address.ReplaceLineEndings("")}]>"), new ArrayBufferWriter<byte>());

    private static string Text(ArrayBufferWriter<byte> to) => Encoding.UTF8.GetString(to.WrittenSpan);
}
