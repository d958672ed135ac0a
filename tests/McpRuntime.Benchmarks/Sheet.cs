using System.Globalization;

namespace McpRuntime.Benchmarks;

/// <summary>What was measured, in the order it was, printed as one table.</summary>
internal sealed class Sheet
{
    private readonly List<(string What, string Figure, string Aim)> _rows = [];

    public void Add(string what, FormattableString figure, string aim = "")
    {
        _rows.Add((what, figure.ToString(CultureInfo.InvariantCulture), aim));
        Console.WriteLine($"{what}: {_rows[^1].Figure}");
    }

    public void Print()
    {
        Console.WriteLine();
        foreach (var (what, figure, aim) in _rows)
        {
            Console.WriteLine($"{what,-72} {figure,-44} {aim}");
        }
    }

    /// <summary>The value that <paramref name="share"/> of the samples do not exceed.</summary>
    public static double Percentile(IReadOnlyCollection<double> samples, double share)
    {
        var sorted = samples.Order().ToArray();
        return sorted[Math.Min(sorted.Length - 1, (int)Math.Ceiling(share * sorted.Length) - 1)];
    }
}
