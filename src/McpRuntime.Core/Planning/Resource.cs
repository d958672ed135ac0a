namespace McpRuntime.Core.Planning;

/// <summary>Picks the provider. Network, Volume … belong to the backend; Route and Registration to the gateway.</summary>
public enum ResourceKind
{
    Image,
    Build,
    Network,
    Volume,
    GuardPolicy,
    GuardLink,
    Secret,
    Container,
    Service,
    NetworkPolicy,
    Route,
    Registration,

    /// <summary>Who a server is to its platform.</summary>
    Account,
}

/// <summary>One thing that must exist on a backend or gateway.</summary>
/// <param name="Id">The name on the backend. Immutable things carry their fingerprint in it, so that an update is a new resource and a surplus old one.</param>
/// <param name="Fingerprint">Of the fields we set; compared with the one computed from the live object's own fields.</param>
/// <param name="DependsOn">Ids that must be there (and, for containers, serving) first.</param>
/// <param name="Generation">The revision it belongs to; shared things (network, volume) carry the newest.</param>
public sealed record Resource(string Id, ResourceKind Kind, string Fingerprint, IReadOnlyList<string> DependsOn, long Generation, ResourceBody Body)
{
    /// <summary>The id of the resource whose live address this one points to (a route to its container); null for most.</summary>
    public string? BoundTo { get; init; }

    /// <summary>Of a runtime with several services: which one it is; null for what belongs to all.</summary>
    public string? Service { get; init; }

    /// <summary>Ids that must have been started first, whether or not they serve yet.</summary>
    public IReadOnlyList<string> AfterStart { get; init; } = [];

    /// <summary>Of a container; null = as the whole revision's.</summary>
    public Rollout? Rollout { get; init; }

    /// <summary>Once it has run and ended in failure it is not started again: whoever asked for it wants to look first.</summary>
    public bool EndsForGood { get; init; }
}

/// <summary>What the provider needs to put it; each provider has its own kinds. May hold secrets: never logged, never serialised.</summary>
public abstract record ResourceBody
{
    /// <summary>The body and fingerprint once the thing it is bound to has been seen; only bound kinds override it.</summary>
    public virtual (ResourceBody Body, string Fingerprint) Bind(SeenResource target, string fingerprint) => (this, fingerprint);
}

/// <summary>How an update is rolled out; derived, never asked for.</summary>
public enum Rollout
{
    /// <summary>New beside old; the old one serves until the new one passed its handshake.</summary>
    BlueGreen,

    /// <summary>Old stopped before new starts: a writable volume or a single stdio process must not be shared.</summary>
    Recreate,
}
