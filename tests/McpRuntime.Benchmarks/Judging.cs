using System.Diagnostics;
using McpRuntime.Core.Guardrails;

namespace McpRuntime.Benchmarks;

/// <summary>What a request costs in thought: merging overrides into a profile, and holding the result against the baseline.</summary>
internal static class Judging
{
    private const int Times = 200_000;

    public static void Run(Sheet sheet)
    {
        var restricted = BuiltInProfiles.Find("restricted")!.Config;
        var standard = BuiltInProfiles.Standard.Config;
        var overrides = new GuardrailsOverrides { Network = new NetworkOverrides(true, ["a.example.org:443", "*.b.example.org", "c.example.org"], null) };
        sheet.Add("guardrails: merge of overrides", $"{Microseconds(() => GuardrailsMerge.Merge(restricted, overrides)):0.00} µs", "microseconds");
        var merged = GuardrailsMerge.Merge(restricted, overrides);
        sheet.Add("guardrails: strictness order over all fields", $"{Microseconds(() => GuardrailsOrder.Loosened(merged, standard)):0.00} µs", "microseconds");
    }

    private static double Microseconds(Func<object> work)
    {
        object last = "";
        for (var i = 0; i < Times / 10; i++)
        {
            last = work();
        }

        var watch = Stopwatch.StartNew();
        for (var i = 0; i < Times; i++)
        {
            last = work();
        }

        GC.KeepAlive(last);
        return watch.Elapsed.TotalMicroseconds / Times;
    }
}
