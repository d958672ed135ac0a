using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace McpRuntime.Core.Specs;

/// <summary>Cores: <c>0.5</c> or <c>500m</c>.</summary>
/// <param name="NanoCpus">Billionths of a core, Docker's HostConfig.NanoCpus.</param>
public readonly record struct CpuQuantity(long NanoCpus) : IComparable<CpuQuantity>
{
    private const long OneCore = 1_000_000_000;

    // The kernel's least quota is 1 ms in a period of 100 ms; engines refuse less.
    private const long Least = OneCore / 100;

    private const long Most = 1024 * OneCore;

    private const string Form = "write cores as \"0.5\" or thousandths as \"500m\"";

    public static bool TryParse(string? text, out CpuQuantity cpu, [NotNullWhen(false)] out string? error)
    {
        cpu = default;
        if (string.IsNullOrEmpty(text))
        {
            error = $"is empty: {Form}";
            return false;
        }

        var milli = text[^1] == 'm';
        if (!DecimalText.TryParse(milli ? text.AsSpan(0, text.Length - 1) : text, out var number))
        {
            error = $"{Quoted.Of(text)} is not an amount of CPU: {Form}";
            return false;
        }

        var nanos = number * (milli ? OneCore / 1000 : OneCore);
        if (nanos is < Least or > Most)
        {
            error = $"{Quoted.Of(text)} is out of range: between 0.01 and 1024 cores";
            return false;
        }

        cpu = new CpuQuantity((long)nanos);
        error = null;
        return true;
    }

    public int CompareTo(CpuQuantity other) => NanoCpus.CompareTo(other.NanoCpus);

    public static bool operator <(CpuQuantity left, CpuQuantity right) => left.NanoCpus < right.NanoCpus;

    public static bool operator <=(CpuQuantity left, CpuQuantity right) => left.NanoCpus <= right.NanoCpus;

    public static bool operator >(CpuQuantity left, CpuQuantity right) => left.NanoCpus > right.NanoCpus;

    public static bool operator >=(CpuQuantity left, CpuQuantity right) => left.NanoCpus >= right.NanoCpus;

    /// <summary>Cores in the shortest form, which parses back to the same value.</summary>
    public override string ToString() => ((decimal)NanoCpus / OneCore).ToString("0.#########", CultureInfo.InvariantCulture);
}
