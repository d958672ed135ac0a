using McpRuntime.Server.Access;
using McpRuntime.Server.Tests.Doubles;

namespace McpRuntime.Server.Tests.Access;

internal sealed class TokenBucketsTests
{
    private readonly ManualTime _time = new(DateTimeOffset.UnixEpoch);

    [Test]
    public void A_minutes_worth_may_come_at_once_and_then_the_wait_is_told()
    {
        var buckets = new TokenBuckets(60, _time);
        for (var i = 0; i < 60; i++)
        {
            buckets.Take("a").Should().BeNull();
        }

        buckets.Take("a").Should().BeCloseTo(TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(1));
        buckets.Take("b").Should().BeNull("another token has its own bucket");

        _time.Advance(TimeSpan.FromSeconds(1));
        buckets.Take("a").Should().BeNull();
        buckets.Take("a").Should().NotBeNull();
    }

    [Test]
    public void Zero_means_no_limit()
    {
        var buckets = new TokenBuckets(0, _time);

        Enumerable.Range(0, 1000).Should().OnlyContain(_ => buckets.Take("a") == null);
    }

    [Test]
    public void Any_number_of_keys_takes_bounded_room()
    {
        var buckets = new TokenBuckets(1, _time);

        Enumerable.Range(0, 50_000).Should().OnlyContain(i => buckets.Take($"key{i}") == null);
    }
}
