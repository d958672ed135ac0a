namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>A PostgreSQL of the test's own, from Debian's packages: a fresh cluster on a free port, run by a user who is not root, as it insists.</summary>
internal sealed class PostgresCluster : IAsyncDisposable
{
    private readonly string _folder;
    private readonly string _programs;

    private PostgresCluster(string folder, string programs, int port)
    {
        _folder = folder;
        _programs = programs;
        Port = port;
    }

    public int Port { get; }

    /// <summary>Tables, journal and log.</summary>
    public string Folder => _folder;

    public string Url => $"postgres://mcpruntime:mcpruntime@127.0.0.1:{Port}/mcpruntime";

    public static async Task<PostgresCluster> StartAsync()
    {
        var programs = Directory.GetDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Select(version => Path.Combine(version, "bin")).Last();
        var folder = Directory.CreateTempSubdirectory("mcpruntime-postgres-").FullName;
        var cluster = new PostgresCluster(folder, programs, Places.FreePort());
        if (Environment.IsPrivilegedProcess)
        {
            (await Run.Async("chown", ["postgres", folder])).Expect("chown");
        }

        var data = Path.Combine(folder, "data");
        (await cluster.AsOwnerAsync("initdb", "-D", data, "--auth=trust", "--username=mcpruntime", "--no-sync", "--encoding=UTF8")).Expect("initdb");
        await cluster.ServeAsync();
        (await cluster.AsOwnerAsync("createdb", "-h", "127.0.0.1", "-p", Number(cluster.Port), "-U", "mcpruntime", "mcpruntime")).Expect("createdb");
        return cluster;
    }

    public async Task ServeAsync() =>
        (await AsOwnerAsync("pg_ctl", "-D", Path.Combine(_folder, "data"), "-l", Path.Combine(_folder, "log"), "-w", "-o",
            $"-c listen_addresses=127.0.0.1 -c port={Port} -c unix_socket_directories={_folder} -c fsync=off", "start")).Expect("pg_ctl start");

    public async Task StopAsync() =>
        (await AsOwnerAsync("pg_ctl", "-D", Path.Combine(_folder, "data"), "-m", "immediate", "-w", "stop")).Expect("pg_ctl stop");

    /// <summary>It answers nothing, and closes nothing: what a machine that is out of memory does.</summary>
    public Task FreezeAsync() => SignalAsync("-STOP");

    public Task ThawAsync() => SignalAsync("-CONT");

    /// <returns>As psql prints it, without headings.</returns>
    public async Task<string> QueryAsync(string sql) =>
        (await AsOwnerAsync("psql", "-h", "127.0.0.1", "-p", Number(Port), "-U", "mcpruntime", "-Atc", sql, "mcpruntime")).Expect("psql").Trim();

    private async Task SignalAsync(string signal)
    {
        var server = (await File.ReadAllLinesAsync(Path.Combine(_folder, "data", "postmaster.pid")))[0].Trim();
        var children = (await Run.Async("ps", ["-o", "pid=", "--ppid", server])).Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        (await Run.Async("kill", [signal, server, .. children])).Expect("kill");
    }

    public async ValueTask DisposeAsync()
    {
        await AsOwnerAsync("pg_ctl", "-D", Path.Combine(_folder, "data"), "-m", "immediate", "-w", "stop");
        Directory.Delete(_folder, recursive: true);
    }

    private Task<Ran> AsOwnerAsync(string program, params string[] arguments)
    {
        var path = Path.Combine(_programs, program);
        return Environment.IsPrivilegedProcess
            ? Run.Async("runuser", ["-u", "postgres", "--", path, .. arguments], folder: _folder)
            : Run.Async(path, arguments, folder: _folder);
    }

    private static string Number(int value) => value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
