using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records;
using Microsoft.Extensions.Logging.Abstractions;

namespace McpRuntime.Server.Tests.Records;

/// <summary>Two processes, each with a clock of its own that the test moves. The SQLite file lock is left out but where it is the subject.</summary>
[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class LeaseTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private readonly ManualTime _clockA = new();
    private readonly ManualTime _clockB = new();
    private readonly List<IDisposable> _made = [];

    [TearDown]
    public void Drop() => _made.ForEach(made => made.Dispose());

    [Test]
    public async Task The_first_to_look_leads_and_the_second_stands_by()
    {
        var (a, b) = (Make(_clockA), Make(_clockB));
        a.Current.Should().BeNull();

        await a.LookAsync(Ct);
        await b.LookAsync(Ct);

        a.Current!.Epoch.Should().Be(1);
        b.Current.Should().BeNull();
        await a.WaitAsync(Ct);
    }

    [Test]
    public async Task A_beat_that_goes_on_is_never_taken_over()
    {
        var (a, b) = (Make(_clockA), Make(_clockB));
        await a.LookAsync(Ct);
        for (var second = 0; second < 120; second++)
        {
            _clockA.Advance(TimeSpan.FromSeconds(2));
            await a.LookAsync(Ct);
            _clockB.Advance(TimeSpan.FromSeconds(2));
            await b.LookAsync(Ct);
            b.Current.Should().BeNull();
        }

        a.Current!.Epoch.Should().Be(1);
    }

    [Test]
    public async Task A_silent_leader_steps_down_after_10_s_and_is_followed_after_15_s_of_the_watchers_own_clock()
    {
        var (a, b) = (Make(_clockA), Make(_clockB));
        await a.LookAsync(Ct);
        await b.LookAsync(Ct);
        var former = a.Current!;

        _clockA.Advance(TimeSpan.FromSeconds(9.9));
        a.Current.Should().NotBeNull();
        _clockA.Advance(TimeSpan.FromSeconds(0.1));
        a.Current.Should().BeNull("it steps down by itself");

        _clockB.Advance(TimeSpan.FromSeconds(14.9));
        await b.LookAsync(Ct);
        b.Current.Should().BeNull();
        _clockB.Advance(TimeSpan.FromSeconds(0.1));
        await b.LookAsync(Ct);
        b.Current!.Epoch.Should().Be(former.Epoch + 1);

        // The old leader wakes up: it finds itself replaced, and what it still meant to write is refused.
        await a.LookAsync(Ct);
        a.Current.Should().BeNull();
        var record = await House.RecordAsync((await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id);
        (await House.Store.ReportAsync(Given.Seen(record, RuntimeStatus.Error), former, Ct)).Should().BeFalse();
        (await House.Store.ReportAsync(Given.Seen(record, RuntimeStatus.Running), b.Current!, Ct)).Should().BeTrue();
    }

    [Test]
    public async Task At_no_clock_rate_up_to_one_and_a_half_do_two_lead_at_once()
    {
        // B's clock runs 1.5 times as fast as A's, and A stops renewing at a time of its own in each round.
        var random = new Random(20261122);
        for (var round = 0; round < 20; round++)
        {
            var (a, b) = (Make(_clockA), Make(_clockB));
            await TakeAsync(a, _clockA);
            var silence = random.Next(0, 40);
            for (var tick = 0; tick < 200 && b.Current is null; tick++)
            {
                var step = TimeSpan.FromMilliseconds(200 + random.Next(0, 200));
                _clockA.Advance(step);
                _clockB.Advance(step * 1.5);
                if (tick < silence)
                {
                    await a.LookAsync(Ct);
                }

                await b.LookAsync(Ct);
                (a.Current is not null && b.Current is not null).Should().BeFalse("round {0}, tick {1}, seed 20261122", round, tick);
            }

            b.Current.Should().NotBeNull();
            await b.ReleaseAsync(Ct);
        }
    }

    [Test]
    public async Task A_released_lease_is_taken_at_once()
    {
        var (a, b) = (Make(_clockA), Make(_clockB));
        await a.LookAsync(Ct);
        await b.LookAsync(Ct);

        await a.ReleaseAsync(Ct);
        a.Current.Should().BeNull();
        await b.LookAsync(Ct);

        b.Current!.Epoch.Should().Be(2);
    }

    [Test]
    public async Task Of_many_that_look_at_once_one_leads()
    {
        var leases = Enumerable.Range(0, 8).Select(_ => Make(_clockA)).ToList();

        await Task.WhenAll(leases.Select(lease => Task.Run(() => lease.LookAsync(Ct))));

        leases.Count(lease => lease.Current is not null).Should().Be(1);
    }

    [Test]
    public async Task A_renewal_that_does_not_answer_counts_from_when_it_was_asked()
    {
        var a = Make(_clockA);
        await a.LookAsync(Ct);
        _clockA.Advance(TimeSpan.FromSeconds(8));
        await a.LookAsync(Ct);
        _clockA.Advance(TimeSpan.FromSeconds(8));
        a.Current.Should().NotBeNull("it was renewed 8 s ago");
        _clockA.Advance(TimeSpan.FromSeconds(2));
        a.Current.Should().BeNull();
        await a.LookAsync(Ct);
        a.Current!.Epoch.Should().Be(1, "nobody took it meanwhile: the epoch is still its own");
    }

    [Test]
    public async Task On_SQLite_a_dead_processs_lease_is_taken_without_watching()
    {
        var path = Path.Combine(Folder, "lease");
        var (a, b) = (Make(_clockA, new LeaseFile(path)), Make(_clockB, new LeaseFile(path)));
        await a.LookAsync(Ct);
        await b.LookAsync(Ct);
        _clockB.Advance(TimeSpan.FromMinutes(5));
        await b.LookAsync(Ct);
        b.Current.Should().BeNull("the holder of the file lives, however slow it is");

        // What the kernel does when a process dies.
        a.Dispose();
        await b.LookAsync(Ct);
        b.Current!.Epoch.Should().Be(2);
    }

    [Test]
    public async Task The_hosted_lease_is_taken_by_itself_and_released_at_the_stop()
    {
        var lease = House.Lease;
        await lease.StartAsync(Ct);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        await lease.WaitAsync(patience.Token);
        lease.Current!.Epoch.Should().Be(1);

        await lease.StopAsync(Ct);

        lease.Current.Should().BeNull();
        var next = Make(_clockB);
        await next.LookAsync(Ct);
        next.Current!.Epoch.Should().Be(2);
    }

    private Lease Make(TimeProvider time, LeaseFile? file = null)
    {
        var lease = new Lease(House.Get<Database>(), new LeaseOptions(), file, time, NullLogger<Lease>.Instance);
        _made.Add(lease);
        return lease;
    }

    private static async Task TakeAsync(Lease lease, ManualTime clock)
    {
        while (lease.Current is null)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            await lease.LookAsync(Ct);
        }
    }
}
