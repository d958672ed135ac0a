using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Benchmarks;

/// <summary>
/// Many runtimes on the real engine: how long until all run, against the same networks and containers made by bare calls with as
/// many at a time; how soon drift is repaired; what a resync of the settled ones costs.
/// </summary>
internal static class Converging
{
    private const int AtATime = 16;
    private const string ReferenceLabel = "dev.mcpruntime.benchmark";

    /// <param name="sheet">Where the figures go.</param>
    /// <param name="count">How many are timed until they run.</param>
    /// <param name="settled">How many there are when a resync is watched; those beyond the first are added after these were timed.</param>
    public static async Task RunAsync(Sheet sheet, int count, int settled)
    {
        await using var service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["RUNTIME_RATE_LIMIT"] = "0" });
        var watch = Stopwatch.StartNew();
        var ids = await DeployAsync(service, 0, count);
        var ours = watch.Elapsed;
        var looks = (await CountersAsync(service)).Observes / count;
        var reference = await ReferenceAsync(await Engine.Local.TheContainerAsync(ids[0]), count);
        sheet.Add($"{count} runtimes until all run ÷ bare create, connect, start", $"{ours / reference:0.00} ({ours.TotalSeconds:0.0} s ÷ {reference.TotalSeconds:0.0} s; {looks:0.0} looks each)", "≤ 1.25");

        // Before anything is edited: a repair is remembered for a while, and forgetting it is a status write.
        if (settled > count)
        {
            await DeployAsync(service, count, settled - count);
        }

        await ResyncAsync(sheet, service, Math.Max(count, settled));
        await DriftAsync(sheet, ids);
    }

    private static async Task<string[]> DeployAsync(Service service, int first, int count)
    {
        var ids = new string[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtATime }, async (index, _) =>
            ids[index] = (await service.Api.DeployAsync(Requests.FromImage($"bench-{first + index}", Requests.Base, "sleep", "1000000"))).Id);
        foreach (var id in ids)
        {
            await service.Api.UntilAsync(id, "running", TimeSpan.FromMinutes(30));
        }

        return ids;
    }

    /// <summary>The networks and containers of the runtimes once more, with the same settings, made by bare calls.</summary>
    private static async Task<TimeSpan> ReferenceAsync(JsonObject sample, int count)
    {
        var names = Enumerable.Range(0, count).Select(index => $"mcpbench-{index}").ToList();
        var host = sample["HostConfig"]!.AsObject();
        try
        {
            var watch = Stopwatch.StartNew();
            await Parallel.ForEachAsync(names, new ParallelOptions { MaxDegreeOfParallelism = AtATime }, async (name, _) =>
            {
                var number = names.IndexOf(name);
                var subnet = $"10.231.{(number / 16).ToString(CultureInfo.InvariantCulture)}.{((number % 16) * 16).ToString(CultureInfo.InvariantCulture)}/28";
                await Engine.Local.PostAsync("/networks/create", new JsonObject
                {
                    ["Name"] = name,
                    ["Labels"] = new JsonObject { [ReferenceLabel] = "1" },
                    ["IPAM"] = new JsonObject { ["Config"] = new JsonArray(new JsonObject { ["Subnet"] = subnet }) },
                });
                var own = host.DeepClone().AsObject();
                own["NetworkMode"] = name;
                await Engine.Local.PostAsync($"/containers/create?name={name}", new JsonObject
                {
                    ["Image"] = sample["Config"]!["Image"]!.GetValue<string>(),
                    ["Cmd"] = sample["Config"]!["Cmd"]!.DeepClone(),
                    ["Labels"] = new JsonObject { [ReferenceLabel] = "1" },
                    ["HostConfig"] = own,
                });
                await Engine.Local.PostAsync($"/containers/{name}/start");
            });
            return watch.Elapsed;
        }
        finally
        {
            foreach (var container in await Engine.Local.ContainersAsync(ReferenceLabel))
            {
                await Engine.Local.RemoveContainerAsync(container["Id"]!.GetValue<string>());
            }

            foreach (var network in await Engine.Local.NetworksAsync(ReferenceLabel))
            {
                await Engine.Local.RemoveNetworkAsync(network["Id"]!.GetValue<string>());
            }
        }
    }

    /// <summary>A limit is edited by hand; how long until the live object shows the asked one again.</summary>
    private static async Task DriftAsync(Sheet sheet, IReadOnlyList<string> ids)
    {
        var samples = new List<double>();
        foreach (var id in ids)
        {
            var live = await Engine.Local.TheContainerAsync(id);
            var container = live["Id"]!.GetValue<string>();
            var asked = live["HostConfig"]!["PidsLimit"]!.GetValue<long>();
            await Engine.Local.PostAsync($"/containers/{container}/update", new JsonObject { ["PidsLimit"] = asked + 7 });
            var watch = Stopwatch.StartNew();
            while ((await Engine.Local.InspectAsync(container))["HostConfig"]!["PidsLimit"]!.GetValue<long>() != asked)
            {
                if (watch.Elapsed > TimeSpan.FromSeconds(30))
                {
                    throw new TimeoutException($"{container} was not repaired");
                }
            }

            samples.Add(watch.Elapsed.TotalMilliseconds);
        }

        sheet.Add(
            $"an edited limit until repaired, after the engine's event ({samples.Count} samples)",
            $"p50 {Sheet.Percentile(samples, 0.5):0} ms, p99 {Sheet.Percentile(samples, 0.99):0} ms",
            "p99 < 300 ms to detect");
    }

    /// <summary>Over one resync: status rows written, and calls at the engine's wire as the service counts them.</summary>
    private static async Task ResyncAsync(Sheet sheet, Service service, int count)
    {
        var (turns, lists) = await CountersAsync(service);
        var rows = await RevisionsAsync(service);
        await Eventually.TrueAsync(async () => (await CountersAsync(service)).Lists > lists, TimeSpan.FromMinutes(7), "a resync");
        var after = await CountersAsync(service);
        sheet.Add(
            $"{count} settled records over one resync",
            $"{(await RevisionsAsync(service)) - rows} status writes, {after.Lists - lists} lists, {after.Observes - turns} single looks",
            "0 writes, one list");
    }

    private static async Task<(double Observes, double Lists)> CountersAsync(Service service)
    {
        var metrics = (await service.Api.GetAsync("/metrics")).Text.Split('\n');
        double Sum(string operation) => metrics
            .Where(line => line.StartsWith("mcpruntime_backend_requests_total{", StringComparison.Ordinal)
                && line.Contains($"operation=\"{operation}\"", StringComparison.Ordinal)
                && line.Contains("backend=\"docker\"", StringComparison.Ordinal))
            .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture));
        return (Sum("observe"), Sum("list"));
    }

    /// <summary>The sum of the status rows' own revisions: every write raises one.</summary>
    private static async Task<long> RevisionsAsync(Service service)
    {
        var database = Path.Combine(service.Folder, "data", "records.db");
        await using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={database};Mode=ReadOnly");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "select coalesce(sum(revision), 0) from runtime_status";
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
