using McpRuntime.Core.Records;

namespace McpRuntime.Server.Settings;

/// <summary>The words for roles in settings, tokens and claims.</summary>
internal static class RoleNames
{
    private static readonly Dictionary<string, Roles> ByName = new(StringComparer.OrdinalIgnoreCase)
    {
        ["viewer"] = Roles.Viewer,
        ["caller"] = Roles.Caller,
        ["operator"] = Roles.Operator,
        ["approver"] = Roles.Approver,
        ["admin"] = Roles.Admin,
    };

    public static string All => string.Join(", ", ByName.Keys);

    public static bool TryParse(string name, out Roles role) => ByName.TryGetValue(name, out role);

    public static string Of(Roles roles) =>
        roles == Roles.None ? "none" : string.Join(",", ByName.Where(pair => (roles & pair.Value) != Roles.None).Select(pair => pair.Key));
}
