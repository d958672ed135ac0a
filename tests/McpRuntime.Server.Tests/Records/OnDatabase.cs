using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Npgsql;

namespace McpRuntime.Server.Tests.Records;

/// <summary>A database to run a test on. Every promise of the records is tested on both.</summary>
internal interface IDatabaseKind
{
    /// <summary>A fresh one; null = the SQLite file in the data folder.</summary>
    string? NewUrl();
}

internal sealed class Sqlite : IDatabaseKind
{
    public string? NewUrl() => null;
}

internal sealed class PostgreSql : IDatabaseKind
{
    public string? NewUrl() => PostgreSqlCluster.Shared.NewDatabase();
}

/// <summary>The one fixture: a data folder, a database and a house on it for each test.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal abstract class OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private readonly List<RecordsHouse> _houses = [];

    protected static bool IsSqlite => typeof(TKind) == typeof(Sqlite);

    protected static CancellationToken Ct => CancellationToken.None;

    protected SettableClock Clock { get; } = new();

    protected RecordsHouse House => _houses[0];

    protected string Folder { get; private set; } = "";

    protected string? Url { get; private set; }

    [SetUp]
    public async Task OpenAsync()
    {
        Folder = Directory.CreateTempSubdirectory("mcprt-records-").FullName;
        Url = new TKind().NewUrl();
        await AnotherAsync();
    }

    [TearDown]
    public async Task CloseAsync()
    {
        foreach (var house in _houses)
        {
            await house.DisposeAsync();
        }

        SqliteConnection.ClearAllPools();
        NpgsqlConnection.ClearAllPools();
        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Another process on the same database.</summary>
    protected async Task<RecordsHouse> AnotherAsync(TimeProvider? time = null, Func<Server.Records.RecordsOptions, Server.Records.RecordsOptions>? change = null, params IInterceptor[] interceptors)
    {
        var house = await RecordsHouse.OpenAsync(Url, Folder, time ?? Clock, change, interceptors);
        _houses.Add(house);
        return house;
    }
}
