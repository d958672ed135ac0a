namespace McpRuntime.Core.Planning;

/// <summary>The one next thing to do. At most one effect.</summary>
public abstract record Step
{
    private Step()
    {
    }

    public abstract T Match<T>(
        Func<Done, T> done,
        Func<Resolve, T> resolve,
        Func<Put, T> put,
        Func<Remove, T> remove,
        Func<Wait, T> wait,
        Func<Promote, T> promote,
        Func<Fail, T> fail,
        Func<Entomb, T> entomb);

    /// <summary>The world is as asked.</summary>
    public sealed record Done : Step
    {
        public override T Match<T>(Func<Done, T> done, Func<Resolve, T> resolve, Func<Put, T> put, Func<Remove, T> remove, Func<Wait, T> wait, Func<Promote, T> promote, Func<Fail, T> fail, Func<Entomb, T> entomb) => done(this);
    }

    /// <summary>Read the pin (or, once the image is there, its facts) of this generation. Reads only.</summary>
    public sealed record Resolve(long Generation) : Step
    {
        public override T Match<T>(Func<Done, T> done, Func<Resolve, T> resolve, Func<Put, T> put, Func<Remove, T> remove, Func<Wait, T> wait, Func<Promote, T> promote, Func<Fail, T> fail, Func<Entomb, T> entomb) => resolve(this);
    }

    /// <param name="Why"><c>Missing</c>, <c>Different</c>, <c>Drifted</c>, <c>Crashed</c>, <c>Restart</c>.</param>
    public sealed record Put(Resource Resource, string Why) : Step
    {
        public override T Match<T>(Func<Done, T> done, Func<Resolve, T> resolve, Func<Put, T> put, Func<Remove, T> remove, Func<Wait, T> wait, Func<Promote, T> promote, Func<Fail, T> fail, Func<Entomb, T> entomb) => put(this);
    }

    public sealed record Remove(string ResourceId, ResourceKind Kind, string Why) : Step
    {
        public override T Match<T>(Func<Done, T> done, Func<Resolve, T> resolve, Func<Put, T> put, Func<Remove, T> remove, Func<Wait, T> wait, Func<Promote, T> promote, Func<Fail, T> fail, Func<Entomb, T> entomb) => remove(this);
    }

    /// <param name="At">Look again at the latest then; a hint may come sooner.</param>
    public sealed record Wait(string Reason, string Message, DateTimeOffset At) : Step
    {
        public override T Match<T>(Func<Done, T> done, Func<Resolve, T> resolve, Func<Put, T> put, Func<Remove, T> remove, Func<Wait, T> wait, Func<Promote, T> promote, Func<Fail, T> fail, Func<Entomb, T> entomb) => wait(this);
    }

    /// <summary>This generation passed its handshake: it serves from now on. A write of ours only; the route follows.</summary>
    public sealed record Promote(long Generation) : Step
    {
        public override T Match<T>(Func<Done, T> done, Func<Resolve, T> resolve, Func<Put, T> put, Func<Remove, T> remove, Func<Wait, T> wait, Func<Promote, T> promote, Func<Fail, T> fail, Func<Entomb, T> entomb) => promote(this);
    }

    /// <summary>This generation has failed for good; the one that serves stays.</summary>
    public sealed record Fail(long Generation, string Reason, string Message) : Step
    {
        public override T Match<T>(Func<Done, T> done, Func<Resolve, T> resolve, Func<Put, T> put, Func<Remove, T> remove, Func<Wait, T> wait, Func<Promote, T> promote, Func<Fail, T> fail, Func<Entomb, T> entomb) => fail(this);
    }

    /// <summary>A consistent read showed that nothing is left: the record becomes a tombstone.</summary>
    public sealed record Entomb : Step
    {
        public override T Match<T>(Func<Done, T> done, Func<Resolve, T> resolve, Func<Put, T> put, Func<Remove, T> remove, Func<Wait, T> wait, Func<Promote, T> promote, Func<Fail, T> fail, Func<Entomb, T> entomb) => entomb(this);
    }
}
