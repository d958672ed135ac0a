namespace McpRuntime.Core.Specs;

/// <summary>A value that must not be printed. Its text is had by <see cref="Reveal"/> alone, so that every use can be found.</summary>
public sealed class SecretText(string value) : IEquatable<SecretText>
{
    private readonly string _value = value;

    public string Reveal() => _value;

    public bool Equals(SecretText? other) => other is not null && string.Equals(_value, other._value, StringComparison.Ordinal);

    public override bool Equals(object? obj) => Equals(obj as SecretText);

    // The hash would be a guessing oracle if it were printed or stored; a constant costs nothing at these sizes.
    public override int GetHashCode() => 0;

    public override string ToString() => "***";
}
