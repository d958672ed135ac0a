using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Gateways.Egress;

/// <summary>
/// A host as a client wrote it, in the one form we compare: lower case, no trailing dot, an address in its canonical text.
/// A form that two parsers could read differently (<c>0x7f.1</c>, <c>2130706433</c>, percent signs) is no host at all.
/// </summary>
internal readonly record struct HostName(string Text, IPAddress? Address)
{
    private const int MaxLength = 253;
    private const int MaxLabel = 63;

    public static HostName? Parse(ReadOnlySpan<char> text)
    {
        if (text.Length > 1 && text[0] == '[' && text[^1] == ']')
        {
            return text.Contains('%') || !IPAddress.TryParse(text[1..^1], out var v6) || v6.AddressFamily != AddressFamily.InterNetworkV6
                ? null
                : new HostName(v6.ToString(), v6);
        }

        if (text.EndsWith('.'))
        {
            text = text[..^1];
        }

        if (text.IsEmpty || text.Length > MaxLength || !LabelsAreSound(text, out var lastIsNumeric))
        {
            return null;
        }

        if (!lastIsNumeric)
        {
            return new HostName(text.ToString().ToLowerInvariant(), null);
        }

        // A name whose last label is a number is an address to some resolver: only the plain dotted quad is accepted.
        return IPAddress.TryParse(text, out var v4) && v4.AddressFamily == AddressFamily.InterNetwork && text.SequenceEqual(v4.ToString())
            ? new HostName(v4.ToString(), v4)
            : null;
    }

    /// <summary><c>host:port</c>, both present: the authority form of CONNECT and the target of a relay.</summary>
    public static (HostName Host, int Port)? ParseAuthority(ReadOnlySpan<char> text)
    {
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !TryPort(text[(colon + 1)..], out var port) || Parse(text[..colon]) is not { } host)
        {
            return null;
        }

        return (host, port);
    }

    public static bool TryPort(ReadOnlySpan<char> text, out int port)
    {
        port = 0;
        if (text.Length is 0 or > 5)
        {
            return false;
        }

        foreach (var c in text)
        {
            if (!char.IsAsciiDigit(c))
            {
                return false;
            }

            port = (port * 10) + (c - '0');
        }

        return port is > 0 and <= 65535;
    }

    public override string ToString() => Address is { AddressFamily: AddressFamily.InterNetworkV6 } ? $"[{Text}]" : Text;

    private static bool LabelsAreSound(ReadOnlySpan<char> text, out bool lastIsNumeric)
    {
        lastIsNumeric = false;
        foreach (var range in text.Split('.'))
        {
            var label = text[range];
            if (label.Length is 0 or > MaxLabel || label[0] == '-' || label[^1] == '-')
            {
                return false;
            }

            var digits = true;
            foreach (var c in label)
            {
                digits &= char.IsAsciiDigit(c);
                if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_'))
                {
                    return false;
                }
            }

            lastIsNumeric = digits || (label.Length > 1 && label[0] == '0' && label[1] is 'x' or 'X');
        }

        return true;
    }
}
