using McpRuntime.Core.Records;
using McpRuntime.Faults.Tests.Simulated;
using McpRuntime.Server.Control;
using static McpRuntime.Faults.Tests.Simulated.SimRecords;

namespace McpRuntime.Faults.Tests;

[TestFixture]
internal sealed class ControlLoopPromises
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    [Test]
    public async Task An_accepted_write_is_acted_on_within_two_seconds_though_nobody_woke_the_loop()
    {
        await using var world = new SimController();
        await world.StartAsync();
        await world.RunForAsync(TimeSpan.FromSeconds(5));
        world.Records.Create(SimController.IdOf(1), Spec("v1"));
        (await world.UntilAsync(() => world.Backends["sim"].Effects.Count > 0, Patience, "something was done")).Should().BeLessThan(TimeSpan.FromSeconds(2));
        await world.UntilAsync(() => world.Records[SimController.IdOf(1)].Status is RuntimeStatus.Connected, Patience, "it is connected");
    }

    [Test]
    public async Task A_thousand_settled_records_cost_one_list_a_resync_and_no_write()
    {
        await using var world = new SimController();
        const int Count = 1000;
        for (var i = 0; i < Count; i++)
        {
            world.Records.Create(SimController.IdOf(i), Spec("v1"));
        }

        await world.StartAsync();
        await world.UntilAsync(() => world.Records.All.Values.All(r => r.Status is RuntimeStatus.Connected && r.NextTurnAt is null), TimeSpan.FromMinutes(15), "all are connected");
        await world.RunForAsync(TimeSpan.FromSeconds(10));

        var (writes, lists, looks, effects) = (world.Records.Writes, world.Backends["sim"].Lists, world.Backends["sim"].Looks, world.Backends["sim"].Effects.Count);
        await world.RunForAsync(TimeSpan.FromMinutes(5.6));
        world.Records.Writes.Should().Be(writes);
        world.Backends["sim"].Lists.Should().BeInRange(lists + 1, lists + 2);
        world.Backends["sim"].Looks.Should().Be(looks, "the list alone showed that nothing had changed");
        world.Backends["sim"].Effects.Should().HaveCount(effects);
    }

    [Test]
    public async Task What_no_hint_told_of_is_found_by_the_next_resync()
    {
        await using var world = new SimController();
        world.Records.Create(SimController.IdOf(1), Spec("v1"));
        await world.StartAsync();
        await world.UntilAsync(() => world.Records[SimController.IdOf(1)].Status is RuntimeStatus.Connected, Patience, "it is connected");
        world.Backends["sim"].Kill("c-v1-0");
        await world.UntilAsync(() => world.Records[SimController.IdOf(1)].Display.Restarts == 1, TimeSpan.FromMinutes(5.6), "the resync found it", stepMilliseconds: 1000);
    }

    [Test]
    public async Task A_hint_brings_a_turn_at_once()
    {
        await using var world = new SimController();
        world.Records.Create(SimController.IdOf(1), Spec("v1"));
        await world.StartAsync();
        await world.UntilAsync(() => world.Records[SimController.IdOf(1)].Status is RuntimeStatus.Connected, Patience, "it is connected");
        world.Backends["sim"].Kill("c-v1-0");
        await world.Backends["sim"].Hints.Writer.WriteAsync(SimController.IdOf(1));
        var took = await world.UntilAsync(() => world.Backends["sim"].Effects.Count(e => e == "put c-v1-0") == 2, Patience, "it is repaired");
        took.Should().BeLessThan(TimeSpan.FromSeconds(1));
    }

    [Test]
    public async Task A_backend_that_hangs_slows_only_itself()
    {
        async Task<TimeSpan> ConvergeAsync(bool hangs)
        {
            await using var world = new SimController(options: null, "sim", "slow");
            world.Backends["slow"].Hangs = hangs;
            for (var i = 0; i < 100; i++)
            {
                world.Records.Create(SimController.IdOf(i), Spec("v1"));
                world.Records.Create(SimController.IdOf(1000 + i), Spec("v1"), hangs ? "slow" : "sim");
            }

            await world.StartAsync();
            return await world.UntilAsync(() => Enumerable.Range(0, 100).All(i => world.Records[SimController.IdOf(i)].Status is RuntimeStatus.Connected), Patience, "the healthy ones are connected");
        }

        var (with, without) = (await ConvergeAsync(hangs: true), await ConvergeAsync(hangs: false));
        with.Should().BeLessThan((without * 1.25) + TimeSpan.FromSeconds(1));
    }

    [Test]
    public async Task The_database_away_stops_nothing_for_good()
    {
        await using var world = new SimController();
        world.Records.Create(SimController.IdOf(1), Spec("v1"));
        world.Records.IsAway = true;
        await world.StartAsync();
        await world.RunForAsync(TimeSpan.FromSeconds(30));
        world.Backends["sim"].Effects.Should().BeEmpty();
        world.Records.IsAway = false;
        await world.UntilAsync(() => world.Records[SimController.IdOf(1)].Status is RuntimeStatus.Connected, Patience, "it goes on");
    }

    [Test]
    public async Task Without_the_lease_nothing_happens_and_with_it_everything_that_was_due()
    {
        await using var world = new SimController();
        world.Lease.Current = null;
        world.Records.Create(SimController.IdOf(1), Spec("v1"));
        await world.StartAsync();
        world.WakeUp.Wake(SimController.IdOf(1));
        await world.RunForAsync(TimeSpan.FromSeconds(20));
        world.Backends["sim"].Effects.Should().BeEmpty();
        world.Backends["sim"].Lists.Should().Be(0);
        world.Lease.Take();
        await world.UntilAsync(() => world.Records[SimController.IdOf(1)].Status is RuntimeStatus.Connected, Patience, "the new leader goes on");
    }

    [Test]
    public async Task Stopping_lets_the_turn_in_flight_finish_and_takes_no_other()
    {
        await using var world = new SimController();
        var backend = world.Backends["sim"];
        backend.PutGate = new TaskCompletionSource();
        world.Records.Create(SimController.IdOf(1), Spec("v1"));
        await world.StartAsync();
        await world.UntilAsync(() => backend.Effects.Contains("put image-v1"), Patience, "a put is in flight");
        var stopping = world.Loop.StopAsync(CancellationToken.None);
        stopping.IsCompleted.Should().BeFalse();
        backend.PutGate.SetResult();
        await stopping.WaitAsync(TimeSpan.FromSeconds(10));
        world.Records.Events.Select(e => e.Kind).Should().Contain("ImageStarted", "what was done was told");
        var effects = backend.Effects.Count;
        await world.RunForAsync(TimeSpan.FromSeconds(10));
        backend.Effects.Should().HaveCount(effects);
    }

    [Test]
    public async Task A_record_whose_turn_throws_is_tried_again_with_growing_pauses_and_holds_up_nobody()
    {
        await using var world = new SimController();
        world.Records.Create(SimController.IdOf(1), Spec("defect"));
        world.Records.Create(SimController.IdOf(2), Spec("v1"));
        await world.StartAsync();
        await world.UntilAsync(() => world.Records[SimController.IdOf(2)].Status is RuntimeStatus.Connected, Patience, "the healthy one is connected");
        await world.RunForAsync(TimeSpan.FromMinutes(2));
        world.Backends["sim"].Defects.Should().BeInRange(5, 10);
    }

    [Test]
    public async Task A_loop_that_ends_by_itself_ends_the_whole_and_so_the_process()
    {
        await using var world = new SimController();
        world.BreakTheQueue();
        await world.StartAsync();
        var ended = () => world.Loop.ExecuteTask!.WaitAsync(TimeSpan.FromSeconds(10));
        await ended.Should().ThrowAsync<InvalidOperationException>();
    }
}
