using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Guardrails;

/// <summary>One entry of a host list: <c>host</c>, <c>*.host</c> (any number of labels before it, not the host itself), either with <c>:port</c>.</summary>
/// <param name="Name">Lower case, without the wildcard.</param>
/// <param name="Port">Null: the two of the web, 443 and 80; that is what the proxy lets through then.</param>
public sealed record EgressHost(string Name, bool Wildcard, int? Port)
{
    public static bool TryParse(string? text, [NotNullWhen(true)] out EgressHost? host, [NotNullWhen(false)] out string? error)
    {
        host = null;
        if (text is null or "" || text.Length > 260)
        {
            error = "a host is empty or too long";
            return false;
        }

        var wildcard = text.StartsWith("*.", StringComparison.Ordinal);
        var rest = wildcard ? text[2..] : text;
        var colon = rest.IndexOf(':', StringComparison.Ordinal);
        var name = (colon < 0 ? rest : rest[..colon]).ToLowerInvariant();
        var port = 0;
        var portGood = colon < 0
            || (rest.Length - colon <= 6 && int.TryParse(rest.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and < 65536);
        if (!portGood || name.Length > 253 || !name.Split('.').All(RuntimeName.IsLabel))
        {
            error = $"{Quoted.Of(text)} is not a host: write \"host\", \"*.host\" or \"host:port\", without a scheme or path";
            return false;
        }

        host = new EgressHost(name, wildcard, colon < 0 ? null : port);
        error = null;
        return true;
    }

    /// <summary>Everything that <paramref name="other"/> lets through, this lets through.</summary>
    public bool Covers(EgressHost other)
    {
        if (Port is null ? other.Port is not (null or 443 or 80) : Port != other.Port)
        {
            return false;
        }

        return Wildcard
            ? other.Name.EndsWith("." + Name, StringComparison.Ordinal) || (other.Wildcard && other.Name == Name)
            : !other.Wildcard && other.Name == Name;
    }

    public override string ToString() => (Wildcard ? "*." : "") + Name + (Port is { } port ? ":" + port.ToString(CultureInfo.InvariantCulture) : "");
}
