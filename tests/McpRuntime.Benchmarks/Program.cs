using System.Globalization;
using McpRuntime.Benchmarks;

// Figures are ratios to a reference measured in the same run: this machine's speed, and its noise, are in both.
// Arguments: names of parts to run (all without one), and numbers: runtimes that converge, records that settle.
var numbers = args.Where(a => int.TryParse(a, NumberStyles.None, CultureInfo.InvariantCulture, out _)).Select(a => int.Parse(a, CultureInfo.InvariantCulture)).ToList();
var (converging, settled) = (numbers.ElementAtOrDefault(0) is > 0 and var asked ? asked : 100, numbers.ElementAtOrDefault(1) is > 0 and var many ? many : 1_000);
var sheet = new Sheet();
(string Name, Func<Task> Run)[] parts =
[
    ("gateway", () => Gatewaying.RunAsync(sheet)),
    ("guardrails", () => Task.Run(() => Judging.Run(sheet))),
    ("proxy", () => Proxying.RunAsync(sheet)),
    ("listing", () => Listing.RunAsync(sheet)),
    ("bridge", () => Bridging.RunAsync(sheet)),
    ("converging", () => Converging.RunAsync(sheet, converging, settled)),
];
var named = args.Where(a => !int.TryParse(a, NumberStyles.None, CultureInfo.InvariantCulture, out _)).ToHashSet(StringComparer.Ordinal);
if (named.Except(parts.Select(p => p.Name), StringComparer.Ordinal).ToList() is [_, ..] unknown)
{
    Console.Error.WriteLine($"No such part: {string.Join(", ", unknown)}. There are {string.Join(", ", parts.Select(p => p.Name))}.");
    return 2;
}

foreach (var (_, run) in parts.Where(p => named.Count == 0 || named.Contains(p.Name)))
{
    await run();
}

sheet.Print();
return 0;
