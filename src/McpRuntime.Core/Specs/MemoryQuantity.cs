using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace McpRuntime.Core.Specs;

/// <summary>Bytes: <c>512m</c>, <c>512Mi</c>, <c>1g</c>, <c>1.5GiB</c>, <c>536870912</c>. All units are binary and of any case, as Docker's.</summary>
public readonly record struct MemoryQuantity(long Bytes) : IComparable<MemoryQuantity>
{
    // Docker Engine refuses to start a container with less than 6 MiB.
    private const long Least = 6L << 20;

    private const long Most = 16L << 40;

    private const string Form = "write bytes with an optional unit, as \"512m\", \"512Mi\" or \"1g\"";

    private static readonly SearchValues<char> Numeric = SearchValues.Create("0123456789.");

    public static bool TryParse(string? text, out MemoryQuantity memory, [NotNullWhen(false)] out string? error)
    {
        memory = default;
        if (string.IsNullOrEmpty(text))
        {
            error = $"is empty: {Form}";
            return false;
        }

        var unitAt = text.AsSpan().IndexOfAnyExcept(Numeric);
        var digits = unitAt < 0 ? text : text.AsSpan(0, unitAt);
        if (!DecimalText.TryParse(digits, out var number) || Unit(unitAt < 0 ? default : text.AsSpan(unitAt)) is not { } unit)
        {
            error = $"{Quoted.Of(text)} is not an amount of memory: {Form}";
            return false;
        }

        var bytes = decimal.Truncate(number * unit);
        if (bytes is < Least or > Most)
        {
            error = $"{Quoted.Of(text)} is out of range: between 6m and 16t";
            return false;
        }

        memory = new MemoryQuantity((long)bytes);
        error = null;
        return true;
    }

    public int CompareTo(MemoryQuantity other) => Bytes.CompareTo(other.Bytes);

    public static bool operator <(MemoryQuantity left, MemoryQuantity right) => left.Bytes < right.Bytes;

    public static bool operator <=(MemoryQuantity left, MemoryQuantity right) => left.Bytes <= right.Bytes;

    public static bool operator >(MemoryQuantity left, MemoryQuantity right) => left.Bytes > right.Bytes;

    public static bool operator >=(MemoryQuantity left, MemoryQuantity right) => left.Bytes >= right.Bytes;

    /// <summary>The largest whole unit, which parses back to the same value.</summary>
    public override string ToString()
    {
        var (value, unit) = Bytes switch
        {
            _ when Bytes % (1L << 30) == 0 => (Bytes >> 30, "g"),
            _ when Bytes % (1L << 20) == 0 => (Bytes >> 20, "m"),
            _ when Bytes % (1L << 10) == 0 => (Bytes >> 10, "k"),
            _ => (Bytes, ""),
        };
        return value.ToString(CultureInfo.InvariantCulture) + unit;
    }

    private static long? Unit(ReadOnlySpan<char> unit)
    {
        if (unit.IsEmpty || unit.Equals("b", StringComparison.OrdinalIgnoreCase))
        {
            return 1;
        }

        var rest = unit[1..];
        if (!rest.IsEmpty && !rest.Equals("i", StringComparison.OrdinalIgnoreCase) && !rest.Equals("b", StringComparison.OrdinalIgnoreCase)
            && !rest.Equals("ib", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        return char.ToLowerInvariant(unit[0]) switch
        {
            'k' => 1L << 10,
            'm' => 1L << 20,
            'g' => 1L << 30,
            't' => 1L << 40,
            _ => null,
        };
    }
}
