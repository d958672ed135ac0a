namespace McpRuntime.Core.Specs;

/// <summary>The value of an environment variable: given literally (a secret until proven otherwise) or by reference.</summary>
public abstract record EnvironmentValue
{
    private EnvironmentValue()
    {
    }

    public abstract T Match<T>(Func<Literal, T> literal, Func<Reference, T> reference);

    public sealed record Literal(SecretText Value) : EnvironmentValue
    {
        public override T Match<T>(Func<Literal, T> literal, Func<Reference, T> reference) => literal(this);
    }

    /// <param name="Uri"><c>secret://env/NAME</c>, <c>secret://file/…</c> or <c>secret://kubernetes/ns/name/key</c>.</param>
    public sealed record Reference(string Uri) : EnvironmentValue
    {
        public override T Match<T>(Func<Literal, T> literal, Func<Reference, T> reference) => reference(this);
    }
}
