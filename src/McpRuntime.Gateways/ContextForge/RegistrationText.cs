namespace McpRuntime.Gateways.ContextForge;

/// <summary>What ContextForge takes as a tag and as a description, and the tags by which a registration is ours.</summary>
internal static class RegistrationText
{
    private const string Product = "mcpruntime";
    private const string InstancePrefix = "mcpruntime:instance:";
    private const string RecordPrefix = "mcpruntime:record:";
    private const string TokenPrefix = "mcpruntime:token:";

    private const int ShortestTag = 2;
    private const int LongestTag = 50;
    private const int LongestDescription = 500;

    public static string Instance(string id) => InstancePrefix + id;

    public static string Record(string id) => RecordPrefix + id;

    public static string Token(string marker) => TokenPrefix + marker;

    public static string? RecordIn(IEnumerable<string> tags) => After(RecordPrefix, tags);

    public static string? TokenIn(IEnumerable<string> tags) => After(TokenPrefix, tags);

    public static bool IsOurs(string tag) => tag == Product || tag.StartsWith(Product + ":", StringComparison.Ordinal);

    public static IReadOnlyList<string> All(string instance, string record, string marker, IEnumerable<string> own) =>
        [Product, Instance(instance), Record(record), Token(marker), .. own];

    /// <summary>Lower case, letters, digits, ":", "." and "-", 2 to 50 of them: as they would come back. What nothing is left of is left out.</summary>
    public static IReadOnlyList<string> Tags(IEnumerable<string> tags) =>
    [
        .. tags.Select(tag => string.Concat(tag.ToLowerInvariant().Select(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is ':' or '.' ? c : '-')))
            .Select(tag => (tag.Length <= LongestTag ? tag : tag[..LongestTag]).Trim('-', ':', '.'))
            .Where(tag => tag.Length >= ShortestTag && !IsOurs(tag))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Without what could be markup.</summary>
    public static string? Description(string? text)
    {
        var plain = string.Concat((text ?? "").Select(c => char.IsControl(c) ? ' ' : c).Where(c => c is not ('<' or '>' or '&' or '"' or '\'' or '`'))).Trim();
        return plain.Length == 0 ? null : plain.Length <= LongestDescription ? plain : plain[..LongestDescription];
    }

    private static string? After(string prefix, IEnumerable<string> tags) => tags.FirstOrDefault(tag => tag.StartsWith(prefix, StringComparison.Ordinal))?[prefix.Length..];
}
