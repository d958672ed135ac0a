namespace McpRuntime.Faults.Tests.Simulated;

internal enum FaultKind
{
    /// <summary>The process dies before the call leaves it.</summary>
    CrashBefore,

    /// <summary>The call is carried out, and the process dies before it hears of it.</summary>
    CrashAfter,

    /// <summary>Carried out; the answer is lost on the way.</summary>
    LostReply,

    /// <summary>Not carried out; the other side says 503.</summary>
    ServerError,

    /// <summary>Not carried out; nothing comes back until the cap.</summary>
    Hang,

    /// <summary>A read that answers as things were before the last change.</summary>
    StaleRead,
}

internal enum CallKind
{
    Observe,
    Effect,
    Report,
}

/// <summary>Numbers the calls of a run, and says which of them go wrong, and how.</summary>
internal sealed class FaultScript(params (int Call, FaultKind Kind)[] faults)
{
    private readonly Dictionary<int, FaultKind> _faults = faults.ToDictionary(f => f.Call, f => f.Kind);

    /// <summary>The kinds of the calls so far, in order: where faults can be put in the next run.</summary>
    public List<CallKind> Calls { get; } = [];

    public bool IsArmed { get; set; } = true;

    public FaultKind? Next(CallKind kind)
    {
        if (!IsArmed)
        {
            return null;
        }

        Calls.Add(kind);
        return _faults.TryGetValue(Calls.Count - 1, out var fault) ? fault : null;
    }

    public static IEnumerable<FaultKind> KindsFor(CallKind call) => call switch
    {
        CallKind.Observe => [FaultKind.CrashBefore, FaultKind.StaleRead, FaultKind.ServerError, FaultKind.Hang],
        CallKind.Effect => [FaultKind.CrashBefore, FaultKind.CrashAfter, FaultKind.LostReply, FaultKind.ServerError, FaultKind.Hang],
        CallKind.Report => [FaultKind.CrashBefore, FaultKind.CrashAfter, FaultKind.LostReply, FaultKind.ServerError],
    };
}
