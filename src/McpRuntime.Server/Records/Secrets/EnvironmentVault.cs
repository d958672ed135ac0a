using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Records.Secrets;

/// <summary>How one variable is kept: a sealed literal, or a reference with the version (HMAC of the value) it had when it was put.</summary>
internal sealed record KeptValue(string? Sealed, string? Reference, string? Version);

/// <summary>Closes an environment for the database and opens it for a compiler.</summary>
internal sealed class EnvironmentVault(Sealer sealer, SecretReferences references, KeyedHash versions)
{
    /// <summary>The title of a refusal for nothing but values that can't be read now, and may be the next time.</summary>
    public const string CantBeRead = "A secret can't be read";

    private static readonly SecretText Hidden = new("***");

    /// <exception cref="Refusal">Invalid: a reference that can't be read, by its field.</exception>
    public async Task<SortedDictionary<string, KeptValue>> CloseAsync(string recordId, RuntimeSpec spec, CancellationToken ct)
    {
        var kept = new SortedDictionary<string, KeptValue>(StringComparer.Ordinal);
        var errors = new List<ValidationError>();
        foreach (var (name, value) in spec.Environment)
        {
            try
            {
                kept[name] = await value.Match(
                    literal => Task.FromResult(new KeptValue(sealer.Seal(recordId, name, literal.Value), null, null)),
                    async reference =>
                    {
                        var read = await references.ReadAsync(reference.Uri, spec.TeamId, ct);
                        return new KeptValue(null, reference.Uri, versions.Of($"{reference.Uri}\n{read.Reveal()}"));
                    });
            }
            catch (SecretUnreadableException fault)
            {
                errors.Add(new($"environment.{name}", fault.Message));
            }
        }

        return errors.Count == 0
            ? kept
            : throw new Refusal(RefusalKind.Invalid, CantBeRead, string.Join(' ', errors.Select(error => error.Message)), errors);
    }

    /// <exception cref="SecretUnreadableException">A reference that can't be read now.</exception>
    public async Task<IReadOnlyDictionary<string, SecretText>> OpenAsync(string recordId, string? teamId, string kept, CancellationToken ct)
    {
        var open = new SortedDictionary<string, SecretText>(StringComparer.Ordinal);
        foreach (var (name, value) in RecordsJson.Read<SortedDictionary<string, KeptValue>>(kept))
        {
            open[name] = value.Reference is { } uri
                ? await references.ReadAsync(uri, teamId, ct)
                : sealer.Open(recordId, name, value.Sealed!);
        }

        return open;
    }

    /// <summary>As it was sent: literals opened, references by their names; to be closed again for another generation of the same record.</summary>
    public IReadOnlyDictionary<string, SecretText> AsSent(string recordId, string kept)
    {
        var stored = Stored(recordId, RecordsJson.Read<SortedDictionary<string, KeptValue>>(kept));
        return stored.ToDictionary(value => value.Key, value => value.Value.Match(literal => literal.Value, reference => new SecretText(reference.Uri)), StringComparer.Ordinal);
    }

    /// <summary>As it was put: literals opened, references as such.</summary>
    public IReadOnlyDictionary<string, EnvironmentValue> Stored(string recordId, SortedDictionary<string, KeptValue> kept)
    {
        var stored = new SortedDictionary<string, EnvironmentValue>(StringComparer.Ordinal);
        foreach (var (name, value) in kept)
        {
            stored[name] = value.Reference is { } uri ? new EnvironmentValue.Reference(uri) : new EnvironmentValue.Literal(sealer.Open(recordId, name, value.Sealed!));
        }

        return stored;
    }

    /// <summary>Names and references as they are shown: a literal is <c>***</c>.</summary>
    public static IReadOnlyDictionary<string, EnvironmentValue> Shown(string? kept)
    {
        var shown = new SortedDictionary<string, EnvironmentValue>(StringComparer.Ordinal);
        if (kept is null)
        {
            return shown;
        }

        foreach (var (name, value) in RecordsJson.Read<Dictionary<string, KeptValue>>(kept))
        {
            shown[name] = value.Reference is { } uri ? new EnvironmentValue.Reference(uri) : new EnvironmentValue.Literal(Hidden);
        }

        return shown;
    }
}
