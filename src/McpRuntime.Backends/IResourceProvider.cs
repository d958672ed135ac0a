using McpRuntime.Core.Planning;

namespace McpRuntime.Backends;

/// <summary>
/// A place where resources live: a backend, or a gateway. Every call is idempotent, none waits for long work, and
/// <see cref="ObserveAsync"/> changes nothing. What the world does wrong comes back as a value; only cancellation throws.
/// </summary>
public interface IResourceProvider
{
    /// <summary>Everything that carries our labels for this runtime, found by label, never by remembered name.</summary>
    Task<ProviderView> ObserveAsync(RuntimeIdentity id, CancellationToken ct);

    /// <summary>One list for all runtimes: the resync's. The outer fault: nothing can be said of any of them.</summary>
    Task<OwnedView> ObserveAllAsync(CancellationToken ct);

    /// <summary>Makes it so, or makes it more so. Absent: created. Different: edited in place, or removed and created.</summary>
    Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, CancellationToken ct);

    /// <summary>Absent is fine. Refuses what is not ours.</summary>
    Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, ResourceKind kind, CancellationToken ct);
}

/// <summary>What is ours on one provider, by record id; volumes apart, since no sweep takes them.</summary>
public abstract record OwnedView
{
    private OwnedView()
    {
    }

    public abstract T Match<T>(Func<Known, T> known, Func<Unknown, T> unknown);

    public sealed record Known(IReadOnlyDictionary<string, IReadOnlyList<SeenResource>> ByRecord) : OwnedView
    {
        public override T Match<T>(Func<Known, T> known, Func<Unknown, T> unknown) => known(this);
    }

    public sealed record Unknown(Fault Fault) : OwnedView
    {
        public override T Match<T>(Func<Known, T> known, Func<Unknown, T> unknown) => unknown(this);
    }
}
