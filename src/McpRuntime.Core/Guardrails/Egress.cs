namespace McpRuntime.Core.Guardrails;

/// <summary>What gets out, as one value: nothing &lt; a set of hosts &lt; everything.</summary>
public abstract record Egress
{
    private Egress()
    {
    }

    public abstract T Match<T>(Func<None, T> none, Func<Hosts, T> hosts, Func<All, T> all);

    public static Egress Of(NetworkGuardrails network)
    {
        if (!network.EgressAllowed)
        {
            return new None();
        }

        if (network.AllowedHosts.Count == 0 || network.AllowedHosts.Contains("*", StringComparer.Ordinal))
        {
            return new All();
        }

        // An entry that is no host lets nothing through here, and GuardrailsCheck refuses it.
        var hosts = network.AllowedHosts.Select(text => EgressHost.TryParse(text, out var host, out _) ? host : null).OfType<EgressHost>();
        return new Hosts([.. hosts]);
    }

    /// <summary>Nothing gets out here that could not get out under <paramref name="other"/>.</summary>
    public bool IsWithin(Egress other) => Match(
        none: _ => true,
        hosts: mine => other.Match(none: _ => false, hosts: theirs => mine.Set.All(h => theirs.Set.Any(t => t.Covers(h))), all: _ => true),
        all: _ => other is All);

    public sealed record None : Egress
    {
        public override T Match<T>(Func<None, T> none, Func<Hosts, T> hosts, Func<All, T> all) => none(this);
    }

    public sealed record Hosts(IReadOnlyList<EgressHost> Set) : Egress
    {
        public override T Match<T>(Func<None, T> none, Func<Hosts, T> hosts, Func<All, T> all) => hosts(this);
    }

    public sealed record All : Egress
    {
        public override T Match<T>(Func<None, T> none, Func<Hosts, T> hosts, Func<All, T> all) => all(this);
    }
}
