using System.Diagnostics.Metrics;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Records;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace McpRuntime.Server.Tests.Records;

/// <summary>The audit of tool calls: behind the call's back, bounded, kept for its time.</summary>
internal sealed class ToolCallLogTests : OnDatabase<Sqlite>
{
    [Test]
    public async Task Calls_are_kept_in_order_and_those_that_do_not_fit_are_counted_and_not_waited_for()
    {
        using var dropped = new Dropped();
        using var log = Log();
        for (var number = 0; number < 10_500; number++)
        {
            log.Record(Call(number));
        }

        dropped.Count.Should().Be(500, "10,000 wait; a call is not held up for the rest");
        await log.StartAsync(Ct);
        await Server.Tests.Eventually.HoldsAsync(async () => (await log.ListAsync("runtime", null, 1, Ct)) is [{ Tool: "tool-9999" }]);
        await log.StopAsync(Ct);

        var page = await log.ListAsync("runtime", null, 3, Ct);
        page.Select(call => call.Tool).Should().Equal("tool-9999", "tool-9998", "tool-9997");
        (await log.ListAsync("runtime", page[^1].Sequence, 1, Ct)).Single().Tool.Should().Be("tool-9996");
        page[0].Should().BeEquivalentTo(new { Subject = "ann", Outcome = "ok", DurationMs = 12L, RuntimeId = "runtime" });
    }

    [Test]
    public async Task What_is_older_than_its_retention_goes_some_at_a_time()
    {
        using var log = Log();
        for (var number = 0; number < 6_000; number++)
        {
            log.Record(Call(number));
        }

        await log.StartAsync(Ct);
        await Server.Tests.Eventually.HoldsAsync(async () => (await log.ListAsync("runtime", null, 1, Ct)) is [{ Tool: "tool-5999" }]);
        await log.StopAsync(Ct);

        (await log.PurgeAsync(Clock.GetUtcNow().AddMilliseconds(5_500), Ct)).Should().Be(5_000);
        (await log.PurgeAsync(Clock.GetUtcNow().AddMilliseconds(5_500), Ct)).Should().Be(500);
        (await log.PurgeAsync(Clock.GetUtcNow().AddMilliseconds(5_500), Ct)).Should().Be(0);
        (await log.ListAsync("runtime", null, 501, Ct)).Should().HaveCount(500);
    }

    private ToolCallLog Log() => new(House.Get<Database>(), House.Store, House.Get<IMeterFactory>(), TimeProvider.System, NullLogger<ToolCallLog>.Instance);

    private ToolCall Call(int number) =>
        new(Clock.GetUtcNow().AddMilliseconds(number), "runtime", "ann", "192.0.2.1", $"tool-{number}", "ok", TimeSpan.FromMilliseconds(12), null);

    private sealed class Dropped : IDisposable
    {
        private readonly MeterListener _listener = new();
        private long _count;

        public Dropped()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "mcpruntime.gateway.audit.dropped")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((_, count, _, _) => Interlocked.Add(ref _count, count));
            _listener.Start();
        }

        public long Count => Interlocked.Read(ref _count);

        public void Dispose() => _listener.Dispose();
    }
}
