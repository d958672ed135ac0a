namespace McpRuntime.Core.Planning;

public enum FaultKind
{
    /// <summary>Away, reset, timed out, 5xx: try again with backoff.</summary>
    Transient,

    /// <summary>Asked to slow down: try again after <see cref="Fault.RetryAfter"/>.</summary>
    Throttled,

    /// <summary>The backend's final "no" to this content: terminal until the generation changes.</summary>
    Refused,

    /// <summary>Our credentials are not accepted: tried slowly.</summary>
    Unauthorized,
}

/// <param name="Reason">One CamelCase word: <c>ImageNotFound</c>, <c>EngineUnreachable</c>.</param>
/// <param name="Message">What happened in the backend's own words, and what to do.</param>
public sealed record Fault(FaultKind Kind, string Reason, string Message, TimeSpan? RetryAfter = null);

/// <summary>What an effect came to. Faults come back as values: a turn never throws for what the world does.</summary>
public abstract record Outcome
{
    private Outcome()
    {
    }

    public abstract T Match<T>(Func<Done, T> done, Func<InProgress, T> inProgress, Func<Faulted, T> faulted);

    public sealed record Done : Outcome
    {
        public override T Match<T>(Func<Done, T> done, Func<InProgress, T> inProgress, Func<Faulted, T> faulted) => done(this);
    }

    /// <summary>Long work was started; later turns observe it.</summary>
    public sealed record InProgress(string Message) : Outcome
    {
        public override T Match<T>(Func<Done, T> done, Func<InProgress, T> inProgress, Func<Faulted, T> faulted) => inProgress(this);
    }

    public sealed record Faulted(Fault Fault) : Outcome
    {
        public override T Match<T>(Func<Done, T> done, Func<InProgress, T> inProgress, Func<Faulted, T> faulted) => faulted(this);
    }
}
