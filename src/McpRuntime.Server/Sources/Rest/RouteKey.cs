using McpRuntime.Core.Records;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>What stands for <c>{runtime_id}</c> in a path.</summary>
internal static class RouteKey
{
    private const int MaxLength = 253;

    /// <summary>An id or a name can only look like this; anything else is not looked up at all.</summary>
    public static string Of(string key) =>
        key.Length is > 0 and <= MaxLength && key.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.')
            ? key
            : throw NotFound("runtime", key);

    public static Refusal NotFound(string what, string key)
    {
        var shown = string.Concat(key.Take(100).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
        return new Refusal(RefusalKind.NotFound, $"No such {what}", $"There is no {what} \"{shown}\" that this token may see.");
    }
}
