using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>
/// Names and marks. Nothing in a project can carry a label, so what is ours carries its marks where it can hold them: apps in literal
/// variables, secrets in their data, builds and runs in their build parameters.
/// </summary>
internal static class CodeEngineNames
{
    /// <summary>What a user may not name a variable.</summary>
    public const string Reserved = "MCPRUNTIME_";

    public const string Instance = Reserved + "INSTANCE";
    public const string Record = Reserved + "RECORD";

    /// <summary>Part of the fingerprint: a restart is another app.</summary>
    public const string Restart = Reserved + "RESTART";

    /// <summary>Part of the fingerprint: this app is stopped, though it is there.</summary>
    public const string Parked = Reserved + "PARKED";

    /// <summary>Short keyed hashes by field, to name the field that drifted. Never decides whether anything did.</summary>
    public const string Shape = Reserved + "SHAPE";

    /// <summary>Changed to have the platform start it again: there is no verb for that. Outside the fingerprint.</summary>
    public const string Roll = Reserved + "ROLL";

    /// <summary>Every name of this runtime begins so; ten characters of the record's id. With what follows at most 40: the platform allows 55 for an app.</summary>
    public static string Prefix(RuntimeIdentity id) => $"mcp-{id.Short}-";

    public static string App(RuntimeIdentity id, string fingerprint) => Prefix(id) + fingerprint[..8];

    public static string Secret(RuntimeIdentity id, string fingerprint) => $"{Prefix(id)}env-{fingerprint[..8]}";

    public static string Build(RuntimeIdentity id, string fingerprint) => $"{Prefix(id)}build-{fingerprint[..8]}";

    public static string Run(string build, long restart, int attempt) => string.Create(CultureInfo.InvariantCulture, $"{build}-run-{restart}-{attempt}");

    /// <summary>The build that a run was started for, by the run's name; null when it was not named by us.</summary>
    public static string? BuildOf(string run) => run.IndexOf("-run-", StringComparison.Ordinal) is var at and > 0 ? run[..at] : null;

    /// <summary>Plain: for what holds no secret.</summary>
    public static string Digest(string canonical) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))[..32];

    public static bool IsOurs(RuntimeIdentity id, (string? Instance, string? Record) marks) => marks.Instance == id.InstanceId && marks.Record == id.RecordId;

    /// <summary>Lengths before values, so that no value can pretend to be two.</summary>
    public static string Canonical(IEnumerable<KeyValuePair<string, string>> fields)
    {
        var text = new StringBuilder();
        foreach (var (key, value) in fields)
        {
            text.Append(CultureInfo.InvariantCulture, $"{key.Length}:{key}={value.Length}:{value};");
        }

        return text.ToString();
    }

    public static string List(IEnumerable<string> items) => Canonical(items.Select(i => KeyValuePair.Create("", i)));

    public static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}

internal static class Faults
{
    public static Outcome.Faulted Of(FaultKind kind, string reason, string message) => new(new Fault(kind, reason, message));

    public static Outcome.Faulted NotOurs(string what, string name) => Of(
        FaultKind.Refused, "NotOurs", $"There is a {what} {name} in the project that does not carry this runtime's marks; it is left alone. Remove or rename it.");
}
