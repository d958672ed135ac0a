using System.Collections.Concurrent;
using McpRuntime.Faults.Tests.Simulated;
using McpRuntime.Server.Control;

namespace McpRuntime.Faults.Tests;

/// <summary>The five promises of the queue, under many producers and consumers, and one by one.</summary>
[TestFixture]
internal sealed class WorkQueuePromises
{
    [Test]
    public async Task Under_a_fuzzing_run_no_id_is_with_two_workers_and_no_wake_up_is_lost()
    {
        var seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        using var metrics = new ControlMetrics();
        using var queue = new WorkQueue(metrics, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        const int Ids = 20;
        var asked = new int[Ids];
        var seen = new int[Ids];
        var busy = new int[Ids];
        var twice = new ConcurrentBag<int>();

        async Task ConsumeAsync(Random random)
        {
            while (!stop.IsCancellationRequested)
            {
                Work work;
                try
                {
                    work = await queue.TakeAsync(stop.Token);
                }
                catch (OperationCanceledException)
                {
                    return;
                }

                var id = int.Parse(work.Id, System.Globalization.CultureInfo.InvariantCulture);
                if (Interlocked.Increment(ref busy[id]) != 1)
                {
                    twice.Add(id);
                }

                var now = Volatile.Read(ref asked[id]);
                for (var i = random.Next(200); i > 0; i--)
                {
                    Thread.SpinWait(10);
                }

                Volatile.Write(ref seen[id], now);
                Interlocked.Decrement(ref busy[id]);
                switch (random.Next(4))
                {
                    case 0:
                        queue.AddAfter(work.Id, TimeSpan.FromMilliseconds(random.Next(3)));
                        break;
                    case 1:
                        await Task.Yield();
                        break;
                }

                queue.Done(work.Id);
            }
        }

        void Produce(Random random)
        {
            for (var i = 0; i < 20_000; i++)
            {
                var id = random.Next(Ids);
                Interlocked.Increment(ref asked[id]);
                queue.Add(id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            }
        }

        var consumers = Enumerable.Range(0, 8).Select(i => Task.Run(() => ConsumeAsync(new Random(seed + i)))).ToList();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Run(() => Produce(new Random(seed + 100 + i)))));
        await Eventually.HoldsAsync(() => Enumerable.Range(0, Ids).All(id => Volatile.Read(ref seen[id]) == Volatile.Read(ref asked[id])), "every wake-up was followed by a turn that saw it");
        await stop.CancelAsync();
        await Task.WhenAll(consumers).WaitAsync(TimeSpan.FromSeconds(10));

        twice.Should().BeEmpty("no id may be with two workers");
    }

    [Test]
    public async Task Any_number_of_wake_ups_while_it_is_worked_on_come_to_exactly_one_more_turn()
    {
        var (queue, _) = Make();
        queue.Add("a");
        await queue.TakeAsync(CancellationToken.None);
        for (var i = 0; i < 50; i++)
        {
            queue.Add("a");
        }

        queue.Depth.Should().Be(0, "it is still being worked on");
        queue.Done("a");
        queue.Depth.Should().Be(1);
        await queue.TakeAsync(CancellationToken.None);
        queue.Done("a");
        queue.Depth.Should().Be(0);
    }

    [Test]
    public void Of_two_delays_the_sooner_stands()
    {
        var (queue, time) = Make();
        queue.AddAfter("a", TimeSpan.FromSeconds(10));
        queue.AddAfter("a", TimeSpan.FromSeconds(2));
        queue.AddAfter("a", TimeSpan.FromSeconds(5));
        time.Advance(TimeSpan.FromSeconds(1.9));
        queue.Depth.Should().Be(0);
        time.Advance(TimeSpan.FromSeconds(0.2));
        queue.Depth.Should().Be(1);
    }

    [Test]
    public async Task A_turn_decides_anew_when_to_look_again()
    {
        var (queue, time) = Make();
        queue.AddAfter("a", TimeSpan.FromSeconds(5));
        queue.Add("a");
        await queue.TakeAsync(CancellationToken.None);
        queue.Done("a");
        time.Advance(TimeSpan.FromSeconds(20));
        queue.Depth.Should().Be(0, "the wait belonged to what the turn has replaced");
    }

    [Test]
    public async Task Only_success_resets_the_backoff()
    {
        var (queue, time) = Make();
        async Task<double> FailAsync()
        {
            queue.Retry("a");
            var began = time.GetUtcNow();
            while (queue.Depth == 0)
            {
                time.Advance(TimeSpan.FromMilliseconds(50));
            }

            await queue.TakeAsync(CancellationToken.None);
            queue.Done("a");
            return (time.GetUtcNow() - began).TotalSeconds;
        }

        var pauses = new[] { await FailAsync(), await FailAsync(), await FailAsync(), await FailAsync() };
        pauses.Should().BeInAscendingOrder().And.Match(all => all.Last() > 6 && all.First() <= 1.05);
        queue.Add("a");
        await queue.TakeAsync(CancellationToken.None);
        queue.Done("a");
        (await FailAsync()).Should().BeGreaterThan(12, "a wake-up is not a success");
        queue.Succeeded("a");
        (await FailAsync()).Should().BeLessThan(1.1);
    }

    [Test]
    public void A_row_found_due_does_not_undo_the_pause_after_a_failure_but_a_wake_up_does()
    {
        var (queue, _) = Make();
        queue.Retry("a");
        queue.AddDue("a");
        queue.Depth.Should().Be(0);
        queue.Wake("a");
        queue.Depth.Should().Be(1);
    }

    [Test]
    public async Task Stopping_blocks_nobody_though_work_is_left()
    {
        var (queue, _) = Make();
        using var stop = new CancellationTokenSource();
        var waiting = queue.TakeAsync(stop.Token);
        await stop.CancelAsync();
        await FluentActions.Awaiting(() => waiting.WaitAsync(TimeSpan.FromSeconds(5))).Should().ThrowAsync<OperationCanceledException>();
    }

    [Test]
    public async Task A_full_lane_parks_who_comes_and_wakes_one_when_it_has_room()
    {
        var (queue, _) = Make();
        var lanes = new Lanes(queue, new ControlOptions { TurnsPerBackend = 1 });
        lanes.TryEnter("docker", "a").Should().BeTrue();
        lanes.TryEnter("docker", "b").Should().BeFalse();
        lanes.TryEnter("docker", "c").Should().BeFalse();
        lanes.TryEnter("kubernetes", "d").Should().BeTrue("another backend has its own lane");
        queue.Depth.Should().Be(0);
        lanes.Exit("docker");
        queue.Depth.Should().Be(1);
        (await queue.TakeAsync(CancellationToken.None)).Id.Should().Be("b");
    }

    private static (WorkQueue Queue, ManualTime Time) Make()
    {
        var time = new ManualTime();
        return (new WorkQueue(new ControlMetrics(), time), time);
    }
}
