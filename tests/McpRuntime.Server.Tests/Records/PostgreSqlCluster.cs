using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Server.Tests.Records;

/// <summary>A real PostgreSQL of our own, from the installed binaries: started once for the run, a database for each test.</summary>
internal sealed class PostgreSqlCluster : IDisposable
{
    private static readonly string[] Programs = ["initdb", "pg_ctl", "postgres", "createdb"];
    private static readonly Lock Starting = new();
    private static PostgreSqlCluster? s_shared;

    private readonly string _folder;
    private readonly string _binaries;
    private readonly int _port;
    private int _databases;

    private PostgreSqlCluster(string binaries)
    {
        _binaries = binaries;
        _folder = Directory.CreateTempSubdirectory("mcprt-pg-").FullName;
        _port = FreePort();
        Run("chown", "postgres", _folder);
        Postgres("initdb", "-D", Data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync");

        // fsync off: the tests ask about transactions, not about power cuts.
        Start();
    }

    /// <summary>The cluster of this run. Its absence is a failure, never a skip: a promise that was not tested does not hold.</summary>
    public static PostgreSqlCluster Shared
    {
        get
        {
            lock (Starting)
            {
                return s_shared ??= new(FindBinaries());
            }
        }
    }

    private string Data => Path.Combine(_folder, "data");

    public static void StopShared()
    {
        lock (Starting)
        {
            s_shared?.Dispose();
            s_shared = null;
        }
    }

    /// <summary>A cluster that the test may stop and start without disturbing the others.</summary>
    public static PostgreSqlCluster OfItsOwn() => new(FindBinaries());

    public string NewDatabase()
    {
        var name = $"t{Interlocked.Increment(ref _databases)}";
        Postgres("createdb", "-h", "127.0.0.1", "-p", $"{_port}", "-U", "postgres", name);
        return $"Host=127.0.0.1;Port={_port};Username=postgres;Database={name}";
    }

    public void Start() => Postgres(
        "pg_ctl",
        "-D",
        Data,
        "-w",
        "-l",
        Path.Combine(_folder, "log"),
        "-o",
        $"-p {_port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={_folder} -c fsync=off -c max_connections=200",
        "start");

    /// <param name="mode"><c>fast</c>, or <c>immediate</c>: as a crash.</param>
    public void Stop(string mode) => Postgres("pg_ctl", "-D", Data, "-w", "-m", mode, "stop");

    public void Dispose()
    {
        try
        {
            Stop("immediate");
        }
        finally
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    /// <summary>Where Debian puts them, or where the variable says.</summary>
    private static string FindBinaries()
    {
        string[] places =
        [
            Environment.GetEnvironmentVariable("POSTGRES_BIN") ?? "",
            .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'),
            .. Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Reverse().Select(version => Path.Combine(version, "bin")) : [],
        ];
        var found = Array.Find(places, place => place.Length > 0 && Programs.All(program => File.Exists(Path.Combine(place, program))));
        if (found is null)
        {
            Assert.Fail("No PostgreSQL server is installed (Debian: apt-get install postgresql), or POSTGRES_BIN does not name its folder.");
        }

        return found!;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    // The server refuses to run as root.
    private void Postgres(string program, params string[] arguments)
    {
        var path = Path.Combine(_binaries, program);
        if (Environment.UserName == "root")
        {
            Run("runuser", ["-u", "postgres", "--", path, .. arguments]);
        }
        else
        {
            Run(path, arguments);
        }
    }

    private void Run(string program, params string[] arguments)
    {
        if (program == "chown" && Environment.UserName != "root")
        {
            return;
        }

        // pg_ctl's server inherits what it is given: a pipe would keep us waiting for the server's end.
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$0\" \"$@\" >>\"$OUT\" 2>&1 </dev/null", program, .. arguments]) { WorkingDirectory = "/" };
        var output = Path.Combine(Path.GetTempPath(), $"{Path.GetFileName(_folder)}.out");
        start.Environment["OUT"] = output;
        using var process = Process.Start(start)!;
        process.WaitForExit();
        var said = File.Exists(output) ? File.ReadAllText(output) : "";
        File.Delete(output);
        process.ExitCode.Should().Be(0, "{0} {1} should work, but said: {2}", program, string.Join(' ', arguments), said);
    }
}

/// <summary>Ends the run's cluster after the last test.</summary>
[SetUpFixture]
internal sealed class PostgreSqlEnd
{
    [OneTimeTearDown]
    public void Stop() => PostgreSqlCluster.StopShared();
}
