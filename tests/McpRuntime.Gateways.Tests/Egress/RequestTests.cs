using System.Text;
using McpRuntime.Gateways.Egress;

namespace McpRuntime.Gateways.Tests.Egress;

[TestFixture]
internal sealed class RequestTests
{
    private static RequestHead? Head(string text) => RequestHead.Parse(Encoding.Latin1.GetBytes(text));

    [TestCase("GET / HTTP/1.1\nHost: a\r\n\r\n", Description = "a bare LF")]
    [TestCase("GET / HTTP/1.1\r\nHost : a\r\n\r\n", Description = "a space before the colon")]
    [TestCase("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", Description = "a folded line")]
    [TestCase("GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", Description = "a bare CR")]
    [TestCase("GET / HTTP/1.1\r\nX: a\nY: b\r\n\r\n")]
    [TestCase("GET / HTTP/1.1\r\nX: \0\r\n\r\n")]
    [TestCase("GET / HTTP/1.1\r\n: a\r\n\r\n")]
    [TestCase("GET / HTTP/1.1\r\nnocolon\r\n\r\n")]
    [TestCase("GET / HTTP/2.0\r\n\r\n")]
    [TestCase("GET /a b HTTP/1.1\r\n\r\n")]
    [TestCase("GET  HTTP/1.1\r\n\r\n")]
    [TestCase("G(T / HTTP/1.1\r\n\r\n")]
    [TestCase("\r\n\r\n")]
    public void A_head_that_two_parsers_could_read_differently_is_refused(string text) => Head(text).Should().BeNull();

    [Test]
    public void A_plain_request_goes_on_with_the_checked_host_and_without_hop_by_hop_fields()
    {
        var head = Head("POST HTTP://A.Example:8080/p?q=1 HTTP/1.1\r\nHost: forged.example\r\nProxy-Authorization: Basic x\r\nConnection: keep-alive, X-Drop\r\nX-Drop: 1\r\n" +
            "Upgrade: h2c\r\nX-Keep: 2\r\nContent-Length: 3\r\n\r\n")!;

        var forwarded = ForwardedRequest.FromAbsolute(head)!;

        Encoding.Latin1.GetString(forwarded.Head).Should().Be(
            "POST /p?q=1 HTTP/1.1\r\nHost: a.example:8080\r\nX-Keep: 2\r\nContent-Length: 3\r\nConnection: close\r\n\r\n");
        forwarded.Host.Text.Should().Be("a.example");
        forwarded.Port.Should().Be(8080);
    }

    [TestCase("GET https://a.example/ HTTP/1.1\r\n\r\n")]
    [TestCase("GET ftp://a.example/ HTTP/1.1\r\n\r\n")]
    [TestCase("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")]
    [TestCase("GET http://user@a.example/ HTTP/1.1\r\n\r\n")]
    [TestCase("GET http://a.example@evil.example/ HTTP/1.1\r\n\r\n")]
    [TestCase("GET http://a.example\\@evil.example/ HTTP/1.1\r\n\r\n")]
    [TestCase("GET http:///x HTTP/1.1\r\n\r\n")]
    [TestCase("GET http://a.example:0/ HTTP/1.1\r\n\r\n")]
    [TestCase("GET http://0x7f.1/ HTTP/1.1\r\n\r\n")]
    [TestCase("POST http://a.example/ HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [TestCase("POST http://a.example/ HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n")]
    [TestCase("POST http://a.example/ HTTP/1.1\r\nContent-Length: +3\r\n\r\n")]
    [TestCase("POST http://a.example/ HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\n")]
    [TestCase("POST http://a.example/ HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")]
    [TestCase("POST http://a.example/ HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n")]
    public void A_request_whose_end_or_target_is_in_doubt_is_not_forwarded(string text) =>
        ForwardedRequest.FromAbsolute(Head(text)!).Should().BeNull();

    [TestCase("a.example", true)]
    [TestCase("A.EXAMPLE:80", true)]
    [TestCase("b.example", false)]
    [TestCase("a.example:8080", false)]
    public void Inside_a_tunnel_the_host_must_be_the_tunnels(string host, bool passes) =>
        (ForwardedRequest.FromOrigin(Head($"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")!, HostName.Parse("a.example")!.Value, 80) is not null).Should().Be(passes);

    [Test]
    public void A_chunked_body_ends_where_it_ends_however_it_is_cut()
    {
        var body = "4\r\nWiki\r\n5;x=y\r\npedia\r\n0\r\nTrailer: t\r\n\r\n"u8.ToArray();
        byte[] stream = [.. body, .. "GET http://evil/ HTTP/1.1\r\n\r\n"u8];
        for (var size = 1; size < stream.Length; size++)
        {
            var framing = BodyFraming.Chunked();
            var taken = 0;
            for (var at = 0; at < stream.Length && !framing.IsDone; at += size)
            {
                taken += framing.Take(stream.AsSpan(at, Math.Min(size, stream.Length - at)));
            }

            framing.IsDone.Should().BeTrue();
            taken.Should().Be(body.Length);
        }
    }

    [TestCase("x\r\n")]
    [TestCase("4\nWiki\r\n")]
    [TestCase("4\r\nWikiXX")]
    [TestCase("ffffffffffffffff\r\n")]
    [TestCase("-1\r\n")]
    [TestCase("\r\n")]
    [TestCase("0\r\nTrailer: a\nb\r\n\r\n")]
    public void A_broken_chunk_breaks_the_body(string text)
    {
        var framing = BodyFraming.Chunked();
        framing.Take(Encoding.Latin1.GetBytes(text));
        framing.IsBroken.Should().BeTrue();
    }

    [Test]
    public void No_bytes_make_the_parsers_throw_or_take_more_than_there_is()
    {
        var seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var sound = "POST http://a.example:81/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: x\r\n\r\n"u8.ToArray();
        for (var i = 0; i < 100_000; i++)
        {
            var bytes = sound.ToArray();
            for (var n = random.Next(4); n > 0; n--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            var length = RequestHead.LengthOf(bytes);
            if (length > 0 && RequestHead.Parse(bytes.AsSpan(0, length)) is { } head && ForwardedRequest.FromAbsolute(head) is { } forwarded)
            {
                var text = Encoding.Latin1.GetString(forwarded.Head);
                text.IndexOf("\r\n\r\n", StringComparison.Ordinal).Should().Be(text.Length - 4);
                text.Split("\r\n").Count(l => l.StartsWith("Host:", StringComparison.OrdinalIgnoreCase)).Should().Be(1);
            }

            var framing = BodyFraming.Chunked();
            framing.Take(bytes).Should().BeLessThanOrEqualTo(bytes.Length);
        }
    }
}
