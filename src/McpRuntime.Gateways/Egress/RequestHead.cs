using System.Buffers;
using System.Text;

namespace McpRuntime.Gateways.Egress;

/// <summary>
/// The head of one HTTP/1 request, read strictly: CRLF line ends, no folded lines, no space before a colon. What two parsers
/// could read differently is refused, since the other parser is the server behind us.
/// </summary>
internal sealed class RequestHead
{
    private const int MaxFields = 128;
    private static readonly SearchValues<byte> TokenBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    private RequestHead(string method, string target, IReadOnlyList<(string Name, string Value)> fields)
    {
        Method = method;
        Target = target;
        Fields = fields;
    }

    public string Method { get; }

    public string Target { get; }

    public IReadOnlyList<(string Name, string Value)> Fields { get; }

    /// <summary>Length of the head with its empty line; -1 while that has not come yet.</summary>
    public static int LengthOf(ReadOnlySpan<byte> received)
    {
        var end = received.IndexOf("\r\n\r\n"u8);
        return end < 0 ? -1 : end + 4;
    }

    /// <param name="head">Exactly <see cref="LengthOf"/> bytes.</param>
    public static RequestHead? Parse(ReadOnlySpan<byte> head)
    {
        var lineEnd = head.IndexOf("\r\n"u8);
        if (lineEnd <= 0 || !TryRequestLine(head[..lineEnd], out var method, out var target))
        {
            return null;
        }

        List<(string, string)> fields = [];
        for (var rest = head[(lineEnd + 2)..]; ; rest = rest[(lineEnd + 2)..])
        {
            lineEnd = rest.IndexOf("\r\n"u8);
            if (lineEnd == 0)
            {
                return new RequestHead(method, target, fields);
            }

            if (lineEnd < 0 || fields.Count == MaxFields || !TryField(rest[..lineEnd], out var field))
            {
                return null;
            }

            fields.Add(field);
        }
    }

    /// <summary>The one value of a field; null when absent. Twice is a fault, told by <paramref name="repeated"/>.</summary>
    public string? Single(string name, out bool repeated)
    {
        string? value = null;
        repeated = false;
        foreach (var field in Fields)
        {
            if (string.Equals(field.Name, name, StringComparison.OrdinalIgnoreCase))
            {
                repeated |= value is not null;
                value = field.Value;
            }
        }

        return value;
    }

    private static bool TryRequestLine(ReadOnlySpan<byte> line, out string method, out string target)
    {
        method = target = "";
        var first = line.IndexOf((byte)' ');
        var last = line.LastIndexOf((byte)' ');
        if (first <= 0 || last <= first + 1 || first > 32 || line[..first].ContainsAnyExcept(TokenBytes))
        {
            return false;
        }

        var version = line[(last + 1)..];
        var asked = line[(first + 1)..last];
        if ((!version.SequenceEqual("HTTP/1.1"u8) && !version.SequenceEqual("HTTP/1.0"u8)) || asked.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
        {
            return false;
        }

        method = Encoding.ASCII.GetString(line[..first]);
        target = Encoding.ASCII.GetString(asked);
        return true;
    }

    private static bool TryField(ReadOnlySpan<byte> line, out (string Name, string Value) field)
    {
        field = default;
        var colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].ContainsAnyExcept(TokenBytes))
        {
            return false;
        }

        var value = line[(colon + 1)..].Trim(" \t"u8);
        // Control characters, a lone CR or LF among them, would end the line for a laxer reader.
        foreach (var b in value)
        {
            if (b is (< 0x20 and not (byte)'\t') or 0x7f)
            {
                return false;
            }
        }

        field = (Encoding.ASCII.GetString(line[..colon]), Encoding.Latin1.GetString(value));
        return true;
    }
}
