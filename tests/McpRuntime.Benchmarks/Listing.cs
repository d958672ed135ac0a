using System.Diagnostics;
using System.Globalization;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Secrets;
using Microsoft.AspNetCore.Builder;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Benchmarks;

/// <summary>The reading side with 10,000 settled records: a page of a hundred against an endpoint that does nothing, memory, start-up.</summary>
internal static class Listing
{
    private const int Records = 10_000;
    private const int Samples = 1_000;

    public static async Task RunAsync(Sheet sheet)
    {
        await using var service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["RUNTIME_RATE_LIMIT"] = "0" });
        sheet.Add("resident memory, no record", $"{Resident(service.ProcessId)} MiB");
        var id = (await service.Api.DeployAsync(Requests.FromCatalog("bench-original"))).Id;
        await service.Api.UntilAsync(id, "connected");
        await service.Api.CommandAsync(id, "stop");
        await service.Api.UntilAsync(id, "stopped");
        await service.TerminateAsync();
        var data = Path.Combine(service.Folder, "data");
        await MultiplyAsync(Path.Combine(data, "records.db"), id);
        await SealAsync(data, id);

        var watch = Stopwatch.StartNew();
        await service.StartAgainAsync();
        sheet.Add($"start until ready, {Records} records", $"{watch.Elapsed.TotalSeconds:0.0} s");

        var page = await SampleAsync(service.Api.Address, $"/runtimes?limit=100", service.Api.Token);
        sheet.Add($"resident memory, {Records} records", $"{Resident(service.ProcessId)} MiB");
        var empty = await EmptyEndpointAsync();
        sheet.Add(
            $"GET /runtimes, 100 of {Records}, p99 ÷ an empty endpoint's",
            $"{Sheet.Percentile(page, 0.99) / Sheet.Percentile(empty, 0.99):0.0} ({Sheet.Percentile(page, 0.99):0.0} ms ÷ {Sheet.Percentile(empty, 0.99):0.00} ms; medians {Sheet.Percentile(page, 0.5):0.0} ms ÷ {Sheet.Percentile(empty, 0.5):0.00} ms)");

        // Left to themselves, the copies would be taken for stopped runtimes of this installation: nothing runs, so nothing is left behind.
        await service.TerminateAsync();
        await SqlAsync(Path.Combine(service.Folder, "data", "records.db"), $"delete from runtime_status where runtime_id <> '{id}'; delete from revisions where runtime_id <> '{id}'; delete from runtimes where id <> '{id}';");
        await service.StartAgainAsync();
    }

    private static async Task<List<double>> EmptyEndpointAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var app = builder.Build();
        var address = new Uri($"http://127.0.0.1:{Places.FreePort().ToString(CultureInfo.InvariantCulture)}");
        app.Urls.Add(address.ToString());
        app.MapGet("/", () => "");
        await app.StartAsync();
        return await SampleAsync(address, "/", token: null);
    }

    private static async Task<List<double>> SampleAsync(Uri address, string path, string? token)
    {
        using var http = new HttpClient { BaseAddress = address };
        if (token is not null)
        {
            http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        }

        var samples = new List<double>();
        for (var index = 0; index < Samples + 50; index++)
        {
            var began = Stopwatch.GetTimestamp();
            using var answer = await http.GetAsync(new Uri(path, UriKind.Relative));
            await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync();
            if (index >= 50)
            {
                samples.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }
        }

        return samples;
    }

    /// <summary>The one record, ten thousand times: same content, ids and names of their own.</summary>
    private static async Task MultiplyAsync(string database, string id)
    {
        foreach (var (table, key) in new[] { ("runtimes", "id"), ("revisions", "runtime_id"), ("runtime_status", "runtime_id") })
        {
            var columns = (await ColumnsAsync(database, table)).ToList();
            var values = columns.Select(column => column switch
            {
                _ when column == key => $"substr({key}, 1, 16) || printf('%010d', n)",
                "name" => "'bench-' || n",
                "due_at" or "next_turn_at" => "null",
                _ => column,
            });
            await SqlAsync(
                database,
                $"with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < {Records.ToString(CultureInfo.InvariantCulture)}) " +
                $"insert into {table} ({string.Join(", ", columns)}) select {string.Join(", ", values)} from {table}, numbers where {key} = '{id}';");
        }
    }

    /// <summary>A sealed spec opens for its own record alone: each copy is sealed anew.</summary>
    private static async Task SealAsync(string data, string id)
    {
        var key = MasterKey.Load(new RecordsOptions { DataDirectory = data }, mayCreate: true);
        var vault = new SpecVault(new Sealer(key.Derive("spec")));
        await using var connection = new SqliteConnection($"Data Source={Path.Combine(data, "records.db")};Pooling=false");
        await connection.OpenAsync();
        await using var transaction = (SqliteTransaction)await connection.BeginTransactionAsync();
        await using var reading = connection.CreateCommand();
        reading.CommandText = $"select runtime_id, spec from revisions order by runtime_id = '{id}' desc";
        await using var writing = connection.CreateCommand();
        writing.CommandText = "update revisions set spec = $spec where runtime_id = $id";
        var (spec, row) = (writing.Parameters.Add("$spec", SqliteType.Text), writing.Parameters.Add("$id", SqliteType.Text));
        Core.Specs.RuntimeSpec? original = null;
        var ids = new List<string>();
        await using (var rows = await reading.ExecuteReaderAsync())
        {
            while (await rows.ReadAsync())
            {
                original ??= vault.Open(id, rows.GetString(1));
                ids.Add(rows.GetString(0));
            }
        }

        foreach (var copy in ids.Where(copy => copy != id))
        {
            (spec.Value, row.Value) = (vault.Close(copy, original!), copy);
            await writing.ExecuteNonQueryAsync();
        }

        await transaction.CommitAsync();
    }

    private static async Task<IReadOnlyList<string>> ColumnsAsync(string database, string table)
    {
        await using var connection = new SqliteConnection($"Data Source={database};Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = $"select name from pragma_table_info('{table}')";
        await using var rows = await command.ExecuteReaderAsync();
        var names = new List<string>();
        while (await rows.ReadAsync())
        {
            names.Add(rows.GetString(0));
        }

        return names;
    }

    private static async Task SqlAsync(string database, string text)
    {
        await using var connection = new SqliteConnection($"Data Source={database};Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = text;
        await command.ExecuteNonQueryAsync();
    }

    private static long Resident(int process)
    {
        using var seen = Process.GetProcessById(process);
        return seen.WorkingSet64 >> 20;
    }
}
