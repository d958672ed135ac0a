using System.Diagnostics.Metrics;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Server.Outbound;
using McpRuntime.Server.Records;
using McpRuntime.Server.Tests.Approvals;
using McpRuntime.Server.Tests.Records;

namespace McpRuntime.Server.Tests.Outbound;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class RefusalTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    [Test]
    public async Task A_refusal_is_told_once_whoever_leads_and_a_guard_that_was_started_again_is_read_from_its_beginning()
    {
        var id = await House.AskAsync("one");
        var guard = new WrittenLedger();
        guard.Refuse(id, "evil.example");

        await (await WatchAsync(guard)).RunAsync(Ct);
        await (await WatchAsync(guard)).RunAsync(Ct);
        (await ToldAsync(id)).Should().ContainSingle().Which.Should().Contain("evil.example:443").And.Contain("not in allowed_hosts");

        guard.StartAgain();
        guard.Refuse(id, "other.example");
        await (await WatchAsync(guard)).RunAsync(Ct);
        (await ToldAsync(id)).Should().HaveCount(2).And.Contain(e => e.Contains("other.example:443"));
    }

    [Test]
    public async Task A_noisy_server_can_not_fill_the_table_of_events()
    {
        var (noisy, quiet) = (await House.AskAsync("noisy"), await House.AskAsync("quiet"));
        var guard = new WrittenLedger();
        var watch = await WatchAsync(guard);
        for (var round = 0; round < 20; round++)
        {
            for (var host = 0; host < 50; host++)
            {
                guard.Refuse(noisy, $"h{round}-{host}.example");
            }

            await watch.RunAsync(Ct);
        }

        guard.Refuse(quiet, "x.example");
        await watch.RunAsync(Ct);
        (await ToldAsync(noisy)).Should().HaveCount(RefusalTally.Burst);
        (await ToldAsync(quiet)).Should().ContainSingle("one server's noise silences no other");

        Clock.Advance(RefusalTally.Refill);
        guard.Refuse(noisy, "last.example");
        await watch.RunAsync(Ct);
        (await ToldAsync(noisy))[^1].Should().Contain("last.example").And.Contain("990 more refusals");
    }

    [Test]
    public async Task The_same_again_is_counted_and_told_again_later()
    {
        var id = await House.AskAsync("one");
        var guard = new WrittenLedger();
        var watch = await WatchAsync(guard);
        for (var time = 0; time < 5; time++)
        {
            guard.Refuse(id, "evil.example");
            await watch.RunAsync(Ct);
        }

        (await ToldAsync(id)).Should().ContainSingle();
        Clock.Advance(RefusalTally.Repeat);
        guard.Refuse(id, "evil.example");
        await watch.RunAsync(Ct);
        (await ToldAsync(id)).Should().HaveCount(2).And.Contain(e => e.Contains("5 times"));
    }

    private async Task<RefusalWatch> WatchAsync(WrittenLedger guard)
    {
        await House.LeadAsync();
        return new RefusalWatch(guard, House.Get<Database>(), House.Lease, new OutboundMetrics(House.Get<IMeterFactory>()), Clock);
    }

    private async Task<IReadOnlyList<string>> ToldAsync(string id) =>
        [.. (await House.Queries.EventsAsync(Given.Admin, id, null, 500, Ct)).Events.Where(e => e.Kind == "EgressRefused").Select(e => e.Message)];

    /// <summary>A guard's ledger as the guard keeps it: repeats are one entry with a count.</summary>
    private sealed class WrittenLedger : IEgressLedger
    {
        private readonly Dictionary<(string, string), GuardRefusal> _entries = [];
        private long _seq;
        private int _epoch = 1;

        public void Refuse(string record, string host) => _entries[(record, host)] = _entries.TryGetValue((record, host), out var known)
            ? known with { Seq = ++_seq, Count = known.Count + 1 }
            : new GuardRefusal(++_seq, "10.201.0.16/28", record, host, 443, "HostNotAllowed", 1, default, default);

        public void StartAgain()
        {
            _entries.Clear();
            (_seq, _epoch) = (0, _epoch + 1);
        }

        public Task<GuardRefusalPage?> RefusalsAsync(long after, CancellationToken ct)
        {
            var found = _entries.Values.Where(e => e.Seq > after).OrderBy(e => e.Seq).ToArray();
            return Task.FromResult<GuardRefusalPage?>(new GuardRefusalPage($"epoch{_epoch}", found.Length == 0 ? after : found[^1].Seq, found));
        }

        public Task<GuardTrafficList?> TrafficAsync(CancellationToken ct) => Task.FromResult<GuardTrafficList?>(new GuardTrafficList($"epoch{_epoch}", []));
    }
}
