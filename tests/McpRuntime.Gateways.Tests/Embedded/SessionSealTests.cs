using McpRuntime.Core.Planning;
using McpRuntime.Gateways.Embedded;
using McpRuntime.Gateways.Tests.Embedded.Harness;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class SessionSealTests
{
    private readonly ManualTime _time = new();
    private SessionSeal _seal = null!;
    private GatewayRoute _route = null!;

    [SetUp]
    public void SetUp()
    {
        _seal = Seal(GatewayHost.Key);
        _route = new MemoryRoutes().Add("a", new Uri("http://10.0.0.1:80"));
    }

    [Test]
    public void What_one_replica_sealed_another_opens()
    {
        var text = _seal.Seal(SealPurpose.Session, _route, "alice", "the id")!;

        Seal(GatewayHost.Key).Open(SealPurpose.Session, _route, "alice", text).Should().Be("the id");
        text.Should().MatchRegex("^[A-Za-z0-9_-]+$").And.NotContain("the id");
    }

    [Test]
    public void Nobody_else_opens_it()
    {
        var text = _seal.Seal(SealPurpose.Session, _route, "alice", "the id")!;

        _seal.Open(SealPurpose.Session, _route, "bob", text).Should().BeNull("it is another caller's");
        _seal.Open(SealPurpose.Session, _route with { RecordId = "other" }, "alice", text).Should().BeNull("it is another runtime's");
        _seal.Open(SealPurpose.Session, _route with { Instance = "i2" }, "alice", text).Should().BeNull("the container was replaced");
        _seal.Open(SealPurpose.MessagePath, _route, "alice", text).Should().BeNull("it stands for something else");
        Seal([.. GatewayHost.Key.Reverse()]).Open(SealPurpose.Session, _route, "alice", text).Should().BeNull("it is another installation's");
    }

    [Test]
    public void Neighbouring_fields_cannot_be_shifted_into_each_other()
    {
        var text = _seal.Seal(SealPurpose.Session, _route with { RecordId = "ab", Instance = "c" }, "d", "id")!;

        _seal.Open(SealPurpose.Session, _route with { RecordId = "a", Instance = "bc" }, "d", text).Should().BeNull();
        _seal.Open(SealPurpose.Session, _route with { RecordId = "ab", Instance = "cd" }, "", text).Should().BeNull();
    }

    [Test]
    public void A_forgotten_id_ends_by_itself()
    {
        var text = _seal.Seal(SealPurpose.Session, _route, "alice", "id")!;

        _time.Pass(TimeSpan.FromDays(29));
        _seal.Open(SealPurpose.Session, _route, "alice", text).Should().Be("id");
        _time.Pass(TimeSpan.FromDays(2));
        _seal.Open(SealPurpose.Session, _route, "alice", text).Should().BeNull();
    }

    [Test]
    public void An_id_without_end_is_not_sealed() => _seal.Seal(SealPurpose.Session, _route, "alice", new string('x', SessionSeal.MaxInner + 1)).Should().BeNull();

    [Test]
    public void Whatever_is_sent_as_an_id_opens_to_nothing_and_breaks_nothing()
    {
        const int Seed = 20261122;
        var random = new Random(Seed);
        var good = _seal.Seal(SealPurpose.Session, _route, "alice", "the id")!;
        for (var i = 0; i < 20_000; i++)
        {
            var text = random.Next(4) switch
            {
                0 => Changed(good, random),
                1 => good[..random.Next(good.Length)],
                2 => string.Concat(Enumerable.Range(0, random.Next(200)).Select(_ => (char)random.Next(0x20, 0x7F))),
                _ => Convert.ToBase64String(Bytes(random)).TrimEnd('='),
            };

            _seal.Open(SealPurpose.Session, _route, "alice", text).Should().BeNull($"seed {Seed}, round {i}: {text}");
        }
    }

    private static string Changed(string good, Random random)
    {
        // The last character of base64 may hold bits that count for nothing; a change there is no change.
        var at = random.Next(good.Length - 1);
        var other = (char)random.Next(0x21, 0x7F);
        return good[at] == other ? good[..^2] : good[..at] + other + good[(at + 1)..];
    }

    private static byte[] Bytes(Random random)
    {
        var bytes = new byte[random.Next(3000)];
        random.NextBytes(bytes);
        return bytes;
    }

    private SessionSeal Seal(byte[] key) => new(new GatewayOptions { SessionKey = key }, _time);
}
