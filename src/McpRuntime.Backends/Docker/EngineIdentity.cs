using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// Which engine answers. Its id is pinned at first contact; another one behind the same address would look like an empty world, and
/// everything would be made again there.
/// </summary>
internal sealed class EngineIdentity(DockerWire wire, DockerInstallation installation, TimeProvider time)
{
    /// <summary>
    /// Limits and security options change only with a restart of the engine, which costs us our connections. Asked seldom: the engine
    /// runs programs to answer it, and takes seconds when it is busy.
    /// </summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(15);

    private readonly Lock _gate = new();
    private Task<Verified>? _look;
    private long _lookingAt;
    private volatile Verified? _last;

    /// <summary>What the engine last said of itself; null before the first contact.</summary>
    public EngineInfo? Info => _last?.Info;

    /// <summary>Whether anything was connected since this was verified.</summary>
    public bool IsCurrent(Verified verified) => wire.Connections == verified.Connections;

    /// <exception cref="BackendFault">The engine is away, or another one answers.</exception>
    public async Task<Verified> VerifyAsync(CancellationToken ct)
    {
        // What was connected up to here must have been looked at, and no more: with as many turns at a time as make connections, a
        // verification that had to be newer than the newest of all would never be new enough, and they would ask one after the other.
        var needed = wire.Connections;
        if (_last is { } last && Covers(last, needed))
        {
            return last;
        }

        return await LookAsync(needed).WaitAsync(ct);
    }

    /// <summary>One look for all who need it, which ends at its own time and not with whoever asked first: the next one finds its result.</summary>
    private Task<Verified> LookAsync(long needed)
    {
        lock (_gate)
        {
            if (_look is not { IsCompleted: false } || _lookingAt < needed)
            {
                // Counted before the question: a connection made while it is on its way must not count as verified.
                _lookingAt = wire.Connections;
                _look = LookNowAsync(_lookingAt);
            }

            return _look;
        }
    }

    private async Task<Verified> LookNowAsync(long connections)
    {
        var info = await wire.InfoAsync(CancellationToken.None);
        var pinned = await installation.PinIdentity(info.Id, CancellationToken.None);
        if (pinned != info.Id)
        {
            _last = null;
            throw new BackendFault(new Fault(
                FaultKind.Transient,
                "EngineChanged",
                $"Another engine ({info.Id}) answers at {wire.Endpoint.Description} than the one this installation works with ({pinned}). Nothing is touched; point it back, or use a new database."));
        }

        return _last = new Verified(info, connections, time.GetTimestamp());
    }

    private bool Covers(Verified verified, long connections) => verified.Connections >= connections && time.GetElapsedTime(verified.At) < Fresh;

    internal sealed record Verified(EngineInfo Info, long Connections, long At);
}
