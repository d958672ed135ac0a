using System.Diagnostics.Metrics;
using System.Threading.Channels;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <inheritdoc cref="IToolCallAudit"/>
/// <remarks>A bounded queue in memory, written in batches. What does not fit, or could not be written before this process ends, is counted and told.</remarks>
internal sealed partial class ToolCallLog : BackgroundService, IToolCallAudit
{
    /// <summary>Some seconds of a busy gateway; about 2 MB.</summary>
    private const int MaxWaiting = 10_000;

    private const int BatchSize = 500;
    private const int MaxArguments = 4096;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan WhileAway = TimeSpan.FromSeconds(2);

    private readonly Channel<ToolCall> _waiting = Channel.CreateBounded<ToolCall>(new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.Wait, SingleReader = true });
    private readonly Database _database;
    private readonly IRecordStore _records;
    private readonly TimeProvider _time;
    private readonly ILogger<ToolCallLog> _logger;
    private readonly Meter _meter;
    private readonly Counter<long> _dropped;

    public ToolCallLog(Database database, IRecordStore records, IMeterFactory meters, TimeProvider time, ILogger<ToolCallLog> logger)
    {
        (_database, _records, _time, _logger) = (database, records, time, logger);
        _meter = meters.Create("McpRuntime.Audit");
        _dropped = _meter.CreateCounter<long>("mcpruntime.gateway.audit.dropped", "{call}", "Tool calls whose audit could not be kept.");
    }

    public void Record(ToolCall call)
    {
        if (!_waiting.Writer.TryWrite(call))
        {
            _dropped.Add(1);
        }
    }

    /// <summary>Newest first.</summary>
    public Task<List<ToolCallRow>> ListAsync(string runtimeId, long? before, int limit, CancellationToken ct) => _database.ReadAsync(
        (db, stop) => db.ToolCalls.Where(row => row.RuntimeId == runtimeId && (before == null || row.Sequence < before)).OrderByDescending(row => row.Sequence).Take(limit).ToListAsync(stop), ct);

    /// <summary>Forgets calls older than the retention time, some at a time.</summary>
    public Task<int> PurgeAsync(DateTimeOffset before, CancellationToken ct)
    {
        var until = before.ToUnixTimeMilliseconds();
        return _database.WriteAsync(
            (db, stop) => db.ToolCalls.Where(row => db.ToolCalls.Where(old => old.At < until).OrderBy(old => old.At).Select(old => old.Sequence).Take(5_000).Contains(row.Sequence)).ExecuteDeleteAsync(stop), ct);
    }

    public override void Dispose()
    {
        _meter.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<ToolCall>(BatchSize);
        while (!stoppingToken.IsCancellationRequested)
        {
            await WriteAllAsync(batch, CancellationToken.None);
            await Task.Delay(batch.Count > 0 ? WhileAway : Pause, _time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // What is there at the end is still written: the database is the last to stop.
        await WriteAllAsync(batch, CancellationToken.None);
        if (batch.Count > 0)
        {
            _dropped.Add(batch.Count);
            Log.Lost(_logger, batch.Count + _waiting.Reader.Count);
        }
    }

    /// <summary>Leaves in <paramref name="batch"/> what could not be written now.</summary>
    private async Task WriteAllAsync(List<ToolCall> batch, CancellationToken ct)
    {
        var secrets = new Dictionary<string, Redactor?>(StringComparer.Ordinal);
        while (true)
        {
            while (batch.Count < BatchSize && _waiting.Reader.TryRead(out var call))
            {
                batch.Add(call);
            }

            if (batch.Count == 0)
            {
                return;
            }

            try
            {
                var rows = new List<ToolCallRow>(batch.Count);
                foreach (var call in batch)
                {
                    rows.Add(await RowAsync(call, secrets, ct));
                }

                await _database.WriteAsync(
                    (db, _) =>
                    {
                        db.ToolCalls.AddRange(rows.Select(Copy));
                        return Task.FromResult(true);
                    },
                    ct);
                batch.Clear();
            }
            catch (Refusal away) when (away.Kind == RefusalKind.Unavailable)
            {
                return;
            }
            catch (Refusal unstorable)
            {
                // Strangers' words can hold what a database can't: those go without, not the others.
                Log.Unstorable(_logger, batch.Count, unstorable.Detail);
                _dropped.Add(batch.Count);
                batch.Clear();
            }
        }
    }

    private async Task<ToolCallRow> RowAsync(ToolCall call, Dictionary<string, Redactor?> secrets, CancellationToken ct) => new()
    {
        At = call.At.ToUnixTimeMilliseconds(),
        RuntimeId = call.RuntimeId,
        Subject = call.Subject,
        Address = call.Address,
        Tool = Plain(call.Tool),
        Outcome = call.Outcome,
        DurationMs = (long)call.Duration.TotalMilliseconds,
        Arguments = call.Arguments is { } arguments ? await CleanAsync(call.RuntimeId, arguments, secrets, ct) : null,
    };

    /// <summary>A retried write must not meet rows that the first try has given numbers to.</summary>
    private static ToolCallRow Copy(ToolCallRow row) => new()
    {
        At = row.At, RuntimeId = row.RuntimeId, Subject = row.Subject, Address = row.Address, Tool = row.Tool, Outcome = row.Outcome, DurationMs = row.DurationMs, Arguments = row.Arguments,
    };

    private async Task<string> CleanAsync(string runtimeId, string arguments, Dictionary<string, Redactor?> secrets, CancellationToken ct)
    {
        if (!secrets.TryGetValue(runtimeId, out var redactor))
        {
            secrets[runtimeId] = redactor = await RedactorAsync(runtimeId, ct);
        }

        // Where the runtime's secrets can't be read, nobody can say that the arguments hold none.
        var clean = redactor is null ? "\"(not kept: the runtime's secrets could not be read)\"" : ArgumentRedaction.Clean(arguments, redactor);
        return Plain(clean.Length > MaxArguments ? clean[..MaxArguments] + "…" : clean);
    }

    private async Task<Redactor?> RedactorAsync(string runtimeId, CancellationToken ct)
    {
        try
        {
            return await _records.FindAsync(runtimeId, ct) is { } record
                ? new Redactor((await _records.EnvironmentAsync(runtimeId, record.ServingGeneration ?? record.AskedGeneration, ct)).Values)
                : null;
        }
        catch (Refusal)
        {
            return null;
        }
    }

    private static string Plain(string text) => string.Concat(text.EnumerateRunes().Select(rune => System.Text.Rune.IsControl(rune) ? "·" : rune.ToString()));

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} tool calls were not written to the audit before the end: the database is away")]
        public static partial void Lost(ILogger logger, int count);

        [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} tool calls could not be written to the audit: {Why}")]
        public static partial void Unstorable(ILogger logger, int count, string why);
    }
}
