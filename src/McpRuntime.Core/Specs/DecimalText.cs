namespace McpRuntime.Core.Specs;

/// <summary>Plain decimal numbers: digits, at most one point with digits on both sides; no sign, exponent, separators or spaces.</summary>
internal static class DecimalText
{
    private const int MostWhole = 15;

    private const int MostFraction = 9;

    public static bool TryParse(ReadOnlySpan<char> text, out decimal number)
    {
        number = 0;
        var point = text.IndexOf('.');
        var whole = point < 0 ? text : text[..point];
        var fraction = point < 0 ? default : text[(point + 1)..];
        if (whole.Length is 0 or > MostWhole || (point >= 0 && fraction.Length is 0 or > MostFraction))
        {
            return false;
        }

        var unit = 1m;
        return Add(whole, ref number, ref unit, fractional: false) && Add(fraction, ref number, ref unit, fractional: true);
    }

    private static bool Add(ReadOnlySpan<char> digits, ref decimal number, ref decimal unit, bool fractional)
    {
        foreach (var c in digits)
        {
            if (!char.IsAsciiDigit(c))
            {
                return false;
            }

            if (fractional)
            {
                unit /= 10;
                number += (c - '0') * unit;
            }
            else
            {
                number = (number * 10) + (c - '0');
            }
        }

        return true;
    }
}
