using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Wire;

namespace McpRuntime.Backends.Tests.Docker;

public sealed class StreamTests
{
    [Test]
    public async Task However_the_bytes_arrive_the_lines_are_the_same()
    {
        for (var seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            var sent = Enumerable.Range(0, random.Next(0, 30))
                .Select(i => (Stream: random.Next(1, 3), Text: string.Concat(Enumerable.Range(0, random.Next(0, 40)).Select(_ => (char)random.Next(33, 0x2FF)))))
                .ToList();
            using var wire = new MemoryStream();
            foreach (var (stream, text) in sent)
            {
                Write(wire, stream, text, random);
            }

            var lines = await LinesAsync(new Trickle(wire.ToArray(), random));

            lines.Select(l => (l.Stream, l.Text)).Should().Equal(sent.Select(s => (s.Stream == 2 ? LogStream.Stderr : LogStream.Stdout, s.Text)), because: $"seed {seed}");
        }
    }

    [Test]
    public async Task Garbage_ends_in_a_fault_or_an_end_and_never_hangs()
    {
        for (var seed = 0; seed < 2_000; seed++)
        {
            var random = new Random(seed);
            var bytes = new byte[random.Next(0, 200)];
            random.NextBytes(bytes);
            if (bytes.Length > 8 && seed % 2 == 0)
            {
                bytes.AsSpan(0, 7).Clear();
                bytes[0] = 1;
            }

            var read = async () => await LinesAsync(new Trickle(bytes, random));

            try
            {
                _ = await read();
            }
            catch (BackendFault fault)
            {
                fault.Fault.Reason.Should().Be("EngineAnswer", because: $"seed {seed}");
            }
        }
    }

    [Test]
    public async Task A_line_without_end_is_cut_and_says_so()
    {
        using var wire = new MemoryStream();
        for (var i = 0; i < 10; i++)
        {
            Frame(wire, 1, $"2026-11-22T08:00:00.00000000{i}Z {new string('x', 16 * 1024)}");
        }

        Frame(wire, 1, "2026-11-22T08:00:01Z end\n");
        Frame(wire, 2, "2026-11-22T08:00:02Z next\n");

        var lines = await LinesAsync(new MemoryStream(wire.ToArray()));

        lines.Should().HaveCount(2);
        lines[0].Text.Should().HaveLength(LogDemuxer.LongestLine + "… (cut at 65536 characters)".Length);
        lines[1].Text.Should().Be("next");
    }

    [Test]
    public async Task Lines_are_read_whole_whatever_the_pieces_and_too_long_a_one_is_an_error()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var sent = Enumerable.Range(0, 20).Select(_ => new string('y', random.Next(0, 20_000))).ToArray();
            var reader = new LineReader(new Trickle(Encoding.UTF8.GetBytes(string.Join('\n', sent) + "\n"), random, 9_000), 1 << 16);

            foreach (var line in sent)
            {
                (await reader.ReadAsync(default)).Should().Be(line, because: $"seed {seed}");
            }

            (await reader.ReadAsync(default)).Should().BeNull();
        }

        var endless = async () => await new LineReader(new MemoryStream(new byte[100_000]), 1 << 16).ReadAsync(default);
        await endless.Should().ThrowAsync<IOException>();
    }

    private static void Write(Stream wire, int stream, string text, Random random)
    {
        var rest = text;
        do
        {
            var cut = random.Next(0, 3) == 0 ? random.Next(0, rest.Length + 1) : rest.Length;
            // Not inside a surrogate pair, which no engine's frame would split either: it splits bytes of lines over 16 KB only.
            var piece = rest[..cut];
            rest = rest[cut..];
            Frame(wire, stream, $"2026-11-22T08:00:00.{random.Next(0, 999_999_999).ToString("D9", CultureInfo.InvariantCulture)}Z {piece}{(rest.Length == 0 ? "\n" : "")}");
        }
        while (rest.Length > 0);
    }

    private static void Frame(Stream wire, int stream, string payload)
    {
        var bytes = Encoding.UTF8.GetBytes(payload);
        Span<byte> header = stackalloc byte[8];
        header.Clear();
        header[0] = (byte)stream;
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], (uint)bytes.Length);
        wire.Write(header);
        wire.Write(bytes);
    }

    private static async Task<List<LogLine>> LinesAsync(Stream stream)
    {
        List<LogLine> lines = [];
        await foreach (var line in new LogDemuxer(stream).ReadAsync(default))
        {
            lines.Add(line);
        }

        return lines;
    }

    /// <summary>Gives a few bytes at a time.</summary>
    private sealed class Trickle(byte[] bytes, Random random, int most = 20) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, random.Next(1, most))], cancellationToken);
    }
}
