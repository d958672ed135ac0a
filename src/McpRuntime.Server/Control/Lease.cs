using McpRuntime.Core.Records;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Control;

/// <summary>
/// Who may act, decided over one row (holder, epoch, beat) by compare-and-set. Nobody's wall clock is believed: the holder steps
/// down when its own clock says that no renewal has succeeded for a while, and another takes over when its own clock says that the
/// beat has stood still for longer than that.
/// </summary>
internal sealed partial class Lease(Database database, LeaseOptions options, LeaseFile? file, TimeProvider time, ILogger<Lease> logger) : BackgroundService, ILease
{
    public const string Name = "controller";

    private readonly string _me = $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.NewGuid():n}";
    private volatile Held? _held;
    private Seen? _seen;
    private volatile TaskCompletionSource _pulse = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <inheritdoc/>
    public LeaseEpoch? Current => _held is { } held && time.GetElapsedTime(held.Since) < options.StepDown ? held.Epoch : null;

    public async Task WaitAsync(CancellationToken ct)
    {
        while (true)
        {
            // The pulse is taken before the look: one that comes between the two is not missed.
            var pulse = _pulse.Task;
            if (Current is not null)
            {
                return;
            }

            await pulse.WaitAsync(ct);
        }
    }

    /// <summary>One look at the row: renew what is held, take what is free. How long until the next one.</summary>
    public async Task<TimeSpan> LookAsync(CancellationToken ct)
    {
        using var attempt = new CancellationTokenSource(options.Attempt, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(attempt.Token, ct);
        try
        {
            return _held is { } held ? await RenewAsync(held, either.Token) : await WatchAsync(either.Token);
        }
        catch (Exception fault) when (!ct.IsCancellationRequested && fault is Refusal or OperationCanceledException)
        {
            // A beat we could not read is not a beat that stood still: the watch goes on with what was last seen.
            Log.Unreachable(logger, fault.Message);
            return options.Look;
        }
    }

    /// <summary>Gives the lease back, so that a standby need not watch it.</summary>
    public async Task ReleaseAsync(CancellationToken ct)
    {
        if (_held is { } held)
        {
            _held = null;
            await SetAsync(row => row.Holder == held.Epoch.Holder && row.Epoch == held.Epoch.Epoch, holder: "", epochs: 0, ct);
            Log.Released(logger, held.Epoch.Epoch);
        }

        file?.Release();
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        using var attempt = new CancellationTokenSource(options.Attempt, time);
        try
        {
            // Not the host's token: at the end of its patience the lease should still be given back.
            await ReleaseAsync(attempt.Token);
        }
        catch (Exception fault) when (fault is Refusal or OperationCanceledException)
        {
            Log.Unreachable(logger, fault.Message);
        }
    }

    public override void Dispose()
    {
        file?.Release();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(await LookAsync(stoppingToken), time, stoppingToken);
        }
    }

    private async Task<TimeSpan> RenewAsync(Held held, CancellationToken ct)
    {
        // Counted from before the request: when its answer was long on the way, so was the beat.
        var began = time.GetTimestamp();
        if (await SetAsync(row => row.Holder == held.Epoch.Holder && row.Epoch == held.Epoch.Epoch, held.Epoch.Holder, epochs: 0, ct))
        {
            Hold(held with { Since = began });
            return options.Renew;
        }

        _held = null;
        Log.Lost(logger, held.Epoch.Epoch);
        return TimeSpan.Zero;
    }

    private async Task<TimeSpan> WatchAsync(CancellationToken ct)
    {
        // On SQLite only the holder of the file may lead at all; the kernel frees it when a process dies.
        if (file is not null && !file.TryTake())
        {
            return options.Look;
        }

        var began = time.GetTimestamp();
        var row = await database.ReadAsync((db, stop) => db.Leases.FirstOrDefaultAsync(row => row.Name == Name, stop), ct) ?? await CreateAsync(ct);
        if (_seen is not { } seen || seen.Epoch != row.Epoch || seen.Beat != row.Beat)
        {
            _seen = seen = new(row.Epoch, row.Beat, time.GetTimestamp());
        }

        // Our own name there means that the reply to our taking it was lost.
        var free = row.Holder.Length == 0 || row.Holder == _me || file is not null;
        if (!free && time.GetElapsedTime(seen.Since, began) < options.Watch)
        {
            return options.Look;
        }

        began = time.GetTimestamp();
        if (await SetAsync(other => other.Epoch == row.Epoch && other.Beat == row.Beat, _me, epochs: 1, ct))
        {
            Hold(new(new(_me, row.Epoch + 1), began));
            Log.Taken(logger, row.Epoch + 1, row.Holder);
            return options.Renew;
        }

        return TimeSpan.Zero;
    }

    private void Hold(Held held)
    {
        _held = held;
        _seen = null;
        var pulse = _pulse;
        _pulse = new(TaskCreationOptions.RunContinuationsAsynchronously);
        pulse.TrySetResult();
    }

    private async Task<LeaseRow> CreateAsync(CancellationToken ct)
    {
        await database.WriteAsync(
            (db, stop) => db.Database.ExecuteSqlAsync($"INSERT INTO leases (name, holder, epoch, beat) VALUES ({Name}, '', 0, 0) ON CONFLICT DO NOTHING", stop),
            ct);
        return await database.ReadAsync((db, stop) => db.Leases.SingleAsync(row => row.Name == Name, stop), ct);
    }

    /// <summary>The compare-and-set: one statement, so that of two that compare only one sets.</summary>
    private async Task<bool> SetAsync(System.Linq.Expressions.Expression<Func<LeaseRow, bool>> compare, string holder, long epochs, CancellationToken ct) =>
        await database.WriteAsync(
            (db, stop) => db.Leases.Where(row => row.Name == Name).Where(compare).ExecuteUpdateAsync(
                set => set.SetProperty(row => row.Holder, holder).SetProperty(row => row.Epoch, row => row.Epoch + epochs).SetProperty(row => row.Beat, row => row.Beat + 1),
                stop),
            ct) == 1;

    private sealed record Held(LeaseEpoch Epoch, long Since);

    private sealed record Seen(long Epoch, long Beat, long Since);

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "The lease was taken at epoch {Epoch} (before: '{Before}')")]
        public static partial void Taken(ILogger logger, long epoch, string before);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The lease of epoch {Epoch} was lost to another process")]
        public static partial void Lost(ILogger logger, long epoch);

        [LoggerMessage(Level = LogLevel.Information, Message = "The lease of epoch {Epoch} was released")]
        public static partial void Released(ILogger logger, long epoch);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The lease row can't be reached: {Reason}")]
        public static partial void Unreachable(ILogger logger, string reason);
    }
}
