using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text.RegularExpressions;

namespace McpRuntime.Server.Tests.Rest;

/// <summary>What the chart's alerts and its dashboard ask for is what the service measures.</summary>
internal sealed partial class ChartMetricsTests
{
    [TestCase("templates/prometheusrule.yaml")]
    [TestCase("files/dashboard.json")]
    public async Task Every_metric_that_the_chart_asks_for_is_in_a_scrape(string file)
    {
        var asked = Asked().Matches(await File.ReadAllTextAsync(Path.Combine(Chart(), file))).Select(match => match.Value).ToHashSet(StringComparer.Ordinal);
        asked.Should().HaveCountGreaterThan(4);
        var seen = new ConcurrentBag<Instrument>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, _) => seen.Add(instrument) };
        listener.Start();
        await using var service = await TestService.StartAsync();
        foreach (var instrument in seen.Where(instrument => instrument.Name.StartsWith("mcpruntime.", StringComparison.Ordinal)))
        {
            Speak(instrument);
        }

        using var client = service.Client(null);
        var scraped = (await client.GetStringAsync("/metrics")).Split('\n').Select(line => line.Split('{', ' ')[0]).ToHashSet(StringComparer.Ordinal);
        // What is observed has no value before there is something to observe: a runtime, an approval.
        scraped.UnionWith(seen.Where(instrument => instrument.IsObservable).Select(instrument => instrument.Name.Replace('.', '_') + (instrument.Unit == "s" ? "_seconds" : "")));

        asked.Should().BeSubsetOf(scraped);
    }

    /// <summary>A counter that nobody has counted with is in no scrape.</summary>
    private static void Speak(Instrument instrument)
    {
        switch (instrument)
        {
            case Counter<long> counter:
                counter.Add(0);
                break;
            case Histogram<double> histogram:
                histogram.Record(0);
                break;
        }
    }

    private static string Chart()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Runtime.sln")))
        {
            folder = folder.Parent!;
        }

        return Path.Combine(folder.FullName, "charts", "mcp-runtime");
    }

    [GeneratedRegex(@"\bmcpruntime_[a-z_]+", RegexOptions.NonBacktracking)]
    private static partial Regex Asked();
}
