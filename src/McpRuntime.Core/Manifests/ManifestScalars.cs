using System.Globalization;
using System.Text.RegularExpressions;
using McpRuntime.Core.Catalog.Formats;

namespace McpRuntime.Core.Manifests;

/// <summary>
/// What an unquoted word is. kubectl reads YAML 1.1, where <c>on</c> is a boolean and <c>0644</c> is 420: a word that could mean
/// anything but its own letters is refused where text is expected, so that a file means the same whichever way it comes in.
/// </summary>
internal static partial class ManifestScalars
{
    public static bool IsText(CatalogNode.Scalar scalar) => !scalar.Plain || !Other().IsMatch(scalar.Value);

    public static bool? Flag(CatalogNode.Scalar scalar) => scalar switch
    {
        { Plain: true, Value: "true" or "True" or "TRUE" } => true,
        { Plain: true, Value: "false" or "False" or "FALSE" } => false,
        _ => null,
    };

    /// <summary>Decimal, without a leading zero or plus: the one form that YAML 1.1, YAML 1.2 and JSON read alike.</summary>
    public static int? Whole(CatalogNode.Scalar scalar) =>
        scalar.Plain && Decimal().IsMatch(scalar.Value) && int.TryParse(scalar.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole : null;

    /// <summary>A number as JSON would write it: <c>0.50</c> is <c>0.5</c>.</summary>
    public static string? Number(CatalogNode.Scalar scalar) =>
        scalar.Plain && Decimal().IsMatch(scalar.Value) && decimal.TryParse(scalar.Value, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            ? number.ToString("0.############################", CultureInfo.InvariantCulture)
            : null;

    [GeneratedRegex(
        @"^(?:|~|[Nn]ull|NULL|[Tt]rue|TRUE|[Ff]alse|FALSE|[Yy]|[Yy]es|YES|[Nn]|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9_]+(?:[eE][-+]?[0-9]+)?))$",
        RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Other();

    [GeneratedRegex(@"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Decimal();
}
