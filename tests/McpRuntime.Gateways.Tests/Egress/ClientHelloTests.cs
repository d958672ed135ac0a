using System.Net.Security;
using McpRuntime.Gateways.Egress;

namespace McpRuntime.Gateways.Tests.Egress;

[TestFixture]
internal sealed class ClientHelloTests
{
    [Test]
    public async Task The_name_is_read_from_a_real_clients_hello()
    {
        using var written = new MemoryStream();
        await using (var tls = new SslStream(new HalfStream(written), leaveInnerStreamOpen: true))
        {
            var handshake = () => tls.AuthenticateAsClientAsync("api.example.com");
            await handshake.Should().ThrowAsync<IOException>();
        }

        var hello = ClientHello.Parse(written.ToArray());

        hello.Verdict.Should().Be(HelloVerdict.Complete);
        hello.ServerName.Should().Be("api.example.com");
        hello.Encrypted.Should().BeFalse();
        hello.EarlyData.Should().BeFalse();
    }

    [Test]
    public void Every_prefix_of_a_hello_is_incomplete_and_the_whole_says_where_it_ends()
    {
        byte[] hello = Hellos.For("a.example");
        for (var length = 0; length < hello.Length; length++)
        {
            ClientHello.Parse(hello.AsSpan(0, length)).Verdict.Should().Be(HelloVerdict.Incomplete, $"{length} bytes");
        }

        ClientHello.Parse([.. hello, 20, 3, 3, 0, 1, 1]).Length.Should().Be(hello.Length);
    }

    [Test]
    public void A_hello_cut_into_records_at_any_place_reads_the_same()
    {
        var message = Hellos.Message((Hellos.ServerName, Hellos.NameList("cut.example")));
        for (var cut = 1; cut < message.Length; cut++)
        {
            byte[] stream = [.. Hellos.Record(message.AsSpan(0, cut)), .. Hellos.Record(message.AsSpan(cut))];
            var hello = ClientHello.Parse(stream);
            hello.Verdict.Should().Be(HelloVerdict.Complete, $"cut at {cut}");
            hello.ServerName.Should().Be("cut.example");
            hello.Length.Should().Be(stream.Length);
        }
    }

    [Test]
    public void What_could_be_read_two_ways_is_malformed()
    {
        var twice = Hellos.Record(Hellos.Message((Hellos.ServerName, Hellos.NameList("a.example")), (Hellos.ServerName, Hellos.NameList("b.example"))));
        byte[] twoNames = [.. Hellos.Two(14), 0, .. Hellos.Two(4), .. "a.ex"u8, 0, .. Hellos.Two(4), .. "b.ex"u8];
        var emptyName = Hellos.Record(Hellos.Message((Hellos.ServerName, [])));
        var nul = Hellos.Record(Hellos.Message((Hellos.ServerName, Hellos.NameList("a.example\0.evil"))));
        byte[] behind = Hellos.Record([.. Hellos.Message((Hellos.ServerName, Hellos.NameList("a.example"))), 1, 2, 3]);
        byte[] serverHello = Hellos.Record([2, 0, 0, 1, 0]);
        byte[] interleaved = [.. Hellos.Record(Hellos.Message().AsSpan(0, 10)), .. Hellos.Record([1], type: 20), .. Hellos.Record(Hellos.Message().AsSpan(10))];

        foreach (var stream in new[] { twice, Hellos.Record(Hellos.Message((Hellos.ServerName, twoNames))), emptyName, nul, behind, serverHello, interleaved })
        {
            ClientHello.Parse(stream).Verdict.Should().Be(HelloVerdict.Malformed);
        }
    }

    [Test]
    public void What_is_not_TLS_is_said_to_be_so()
    {
        ClientHello.Parse("GET / HTTP/1.1"u8).Verdict.Should().Be(HelloVerdict.NotTls);
        ClientHello.Parse("SSH-2.0-x"u8).Verdict.Should().Be(HelloVerdict.NotTls);
        ClientHello.Parse([0x80, 0x2e, 1, 3, 1]).Verdict.Should().Be(HelloVerdict.NotTls, "an SSLv2 hello carries no name");
    }

    [Test]
    public void Encrypted_hellos_and_early_data_are_seen()
    {
        ClientHello.Parse(Hellos.For("a.example", (Hellos.EncryptedHello, [1, 2]))).Encrypted.Should().BeTrue();
        ClientHello.Parse(Hellos.For("a.example", (0xffce, [1, 2]))).Encrypted.Should().BeTrue();
        ClientHello.Parse(Hellos.For("a.example", (Hellos.EarlyData, []))).EarlyData.Should().BeTrue();
        ClientHello.Parse(Hellos.For(null)).ServerName.Should().BeNull();
    }

    [Test]
    public void No_bytes_make_it_throw_or_claim_more_than_was_sent()
    {
        var seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var sound = Hellos.For("fuzz.example", (10, [0, 2, 0, 29]), (Hellos.EncryptedHello, new byte[40]), (16, [0, 3, 2, (byte)'h', (byte)'2']));
        for (var i = 0; i < 200_000; i++)
        {
            var bytes = sound.ToArray();
            for (var n = random.Next(1, 6); n > 0; n--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            var hello = ClientHello.Parse(bytes.AsSpan(0, random.Next(bytes.Length + 1)));
            hello.Length.Should().BeLessThanOrEqualTo(bytes.Length);
        }
    }

    /// <summary>Takes what is written and answers with the end.</summary>
    private sealed class HalfStream(Stream written) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => written.Flush();

        public override int Read(byte[] buffer, int offset, int count) => 0;

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => written.Write(buffer, offset, count);
    }
}
