using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>
/// Takes a runtime's secrets out of its log: literal and referenced values of every revision that may be writing. What is asked, what
/// serves, what was just replaced or failed; and, since a log is followed for days, what is deployed meanwhile.
/// </summary>
internal sealed class LogSecrets
{
    /// <summary>Behind what serves: their containers may be draining.</summary>
    private const int OlderGenerations = 8;

    /// <summary>No container is made, started and heard sooner after its revision was written down.</summary>
    private static readonly TimeSpan NewEvery = TimeSpan.FromMilliseconds(200);

    /// <summary>What a reference leads to may change under the same revision, and take effect at its next restart.</summary>
    private static readonly TimeSpan AllEvery = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(1);

    private readonly IRecordStore _records;
    private readonly string _id;
    private readonly long _oldest;
    private readonly TimeProvider _time;

    // A value that was once one stays one: whoever writes it may have had it for long.
    private readonly HashSet<string> _values = new(StringComparer.Ordinal);
    private Redactor _redactor = new([]);
    private long _newest;
    private long _newAt;
    private long _allAt;

    private LogSecrets(IRecordStore records, RuntimeView view, TimeProvider time) =>
        (_records, _id, _oldest, _time) = (records, view.Id, Math.Max(1, Math.Min(Serving(view), view.Generation) - OlderGenerations), time);

    /// <exception cref="Refusal">What is asked or serves has a secret that can't be read; the log might hold it, so neither can the log.</exception>
    public static async Task<LogSecrets> OfAsync(IRecordStore records, RuntimeView view, TimeProvider time, CancellationToken ct)
    {
        var secrets = new LogSecrets(records, view, time);

        // Of others nothing can be known any more: pruned, or their secrets are gone since.
        await secrets.ReadAsync(secrets._oldest, generation => generation >= view.Generation || generation == Serving(view), ct);
        return secrets;
    }

    /// <summary>Waits while what is newly deployed can't be read: no line is given out that might hold a secret of it.</summary>
    public async ValueTask<string> CleanAsync(string line, CancellationToken ct)
    {
        while (_time.GetElapsedTime(_newAt) >= NewEvery)
        {
            try
            {
                var known = _newest;
                await ReadAsync(_time.GetElapsedTime(_allAt) >= AllEvery ? _oldest : known + 1, generation => generation > known, ct);
            }
            catch (Refusal)
            {
                await Task.Delay(TryAgain, _time, ct);
            }
        }

        return _redactor.Clean(line);
    }

    private static long Serving(RuntimeView view) => view.ServingGeneration ?? view.Generation;

    private async Task ReadAsync(long from, Func<long, bool> isNeeded, CancellationToken ct)
    {
        var found = await _records.EnvironmentsAsync(_id, from, ct);
        if (found.FirstOrDefault(revision => revision.Unreadable is not null && isNeeded(revision.Generation)) is { Unreadable: { } refusal })
        {
            throw refusal;
        }

        var before = _values.Count;
        _values.UnionWith(found.SelectMany(revision => revision.Values.Values).Select(value => value.Reveal()));
        _redactor = _values.Count == before ? _redactor : new Redactor(_values.Select(value => new SecretText(value)));
        _newest = Math.Max(_newest, found.Select(revision => revision.Generation).DefaultIfEmpty(0).Max());
        _newAt = _time.GetTimestamp();
        _allAt = from == _oldest ? _newAt : _allAt;
    }
}
