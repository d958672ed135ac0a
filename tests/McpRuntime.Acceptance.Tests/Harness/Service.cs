using System.Collections.Concurrent;
using System.Diagnostics;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>The built service as a process: started as a user starts it, stopped by signals, killed without warning.</summary>
internal sealed class Service : IAsyncDisposable
{
    /// <summary>In a setting: the port that the service will listen on.</summary>
    public const string PortHere = "{port}";

    private readonly Dictionary<string, string> _settings;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly bool _ownsFolder;
    private readonly List<string> _records;
    private readonly Engine _engine;
    private Process? _process;

    private Service(string folder, bool ownsFolder, IReadOnlyDictionary<string, string> settings, List<string> records, Engine engine, int? port = null)
    {
        _engine = engine;
        Folder = folder;
        _ownsFolder = ownsFolder;
        _records = records;
        Port = port ?? Places.FreePort();
        _settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["MCPGATEWAY_RUNTIME_ENABLED"] = "true",
            ["RUNTIME_DATA_DIR"] = Path.Combine(folder, "data"),
            // Some of these clients call as fast as they can.
            ["RUNTIME_RATE_LIMIT"] = "0",
            ["RUNTIME_CATALOG_FILE"] = Places.Catalog,
            ["RUNTIME_DOCKER_SOCKET"] = engine.Socket,
            ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{Port}",
        };
        foreach (var (name, value) in settings)
        {
            _settings[name] = value.Replace(PortHere, Port.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
        }

        Api = new RuntimeApi(new Uri($"http://127.0.0.1:{Port}"), ReadToken, _records);
    }

    public string Folder { get; }

    public int Port { get; }

    public RuntimeApi Api { get; }

    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("The service is not running.");

    /// <summary>Everything it ever printed, over all its lives.</summary>
    public IReadOnlyCollection<string> Output => _output;

    /// <param name="settings">Over the defaults of a user's first start.</param>
    /// <param name="engine">Null: the local one.</param>
    /// <param name="port">Where the settings make it listen; null: a free one of loopback.</param>
    public static async Task<Service> StartAsync(IReadOnlyDictionary<string, string>? settings = null, Engine? engine = null, int? port = null)
    {
        var folder = Directory.CreateTempSubdirectory("mcpruntime-acceptance-").FullName;
        var service = new Service(folder, ownsFolder: true, settings ?? new Dictionary<string, string>(StringComparer.Ordinal), [], engine ?? Engine.Local, port);
        await service.StartAgainAsync();
        return service;
    }

    /// <summary>A second process on the same database: another port, the same settings and data folder.</summary>
    public async Task<Service> StartTwinAsync()
    {
        var settings = _settings.Where(setting => setting.Key != "ASPNETCORE_URLS").ToDictionary(StringComparer.Ordinal);
        var twin = new Service(Folder, ownsFolder: false, settings, _records, _engine);
        await twin.StartAgainAsync();
        return twin;
    }

    public async Task StartAgainAsync()
    {
        var start = new ProcessStartInfo("dotnet", [Places.Service, "serve"])
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var (name, value) in _settings)
        {
            start.Environment[name] = value;
        }

        var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
        try
        {
            await Eventually.TrueAsync(IsUpAsync, TimeSpan.FromSeconds(60), "the service answers /healthz");
        }
        catch (Exception fault) when (fault is TimeoutException or InvalidOperationException)
        {
            throw new InvalidOperationException($"The service did not start: {fault.Message}\n{Tail(40)}", fault);
        }
    }

    /// <summary>No handler runs, no buffer is flushed: what a power cut leaves.</summary>
    public async Task KillAsync()
    {
        if (_process is { HasExited: false } process)
        {
            process.Kill();
            await process.WaitForExitAsync();
        }

        Forget();
    }

    /// <summary>It holds what it held and does nothing, as a paused machine does, until it is woken.</summary>
    public Task FreezeAsync() => SignalAsync("-STOP");

    public Task WakeAsync() => SignalAsync("-CONT");

    /// <summary>SIGTERM, then the exit code.</summary>
    public async Task<int> TerminateAsync(TimeSpan? atMost = null)
    {
        if (_process is not { HasExited: false } process)
        {
            throw new InvalidOperationException($"The service has already ended.\n{Tail(40)}");
        }

        await Run.Async("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        using var timeout = new CancellationTokenSource(atMost ?? TimeSpan.FromSeconds(40));
        await process.WaitForExitAsync(timeout.Token);
        var exit = process.ExitCode;
        Forget();
        return exit;
    }

    public string Tail(int lines) => string.Join('\n', _output.TakeLast(lines));

    /// <summary>Deletes what the test deployed, ends the process, and holds the engine against the promise that nothing is left.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            if (_ownsFolder && _process is not null)
            {
                var instance = await Leftovers.InstanceOfAsync(_engine, _records);
                await Api.DeleteAllAsync();
                await Leftovers.NoneAsync(_engine, _records, instance);
            }
        }
        catch (Exception fault) when (fault is HttpRequestException or TimeoutException or InvalidOperationException)
        {
            Assert.Fail($"{fault.Message}\n--- the service's last words\n{Tail(60)}");
        }
        finally
        {
            await KillAsync();
            Api.Dispose();
            KeepWords();
            if (_ownsFolder)
            {
                await Leftovers.RemoveAsync(_engine, _records);
                Directory.Delete(Folder, recursive: true);
            }
        }
    }

    /// <summary>Beside the test results: the first thing to read when a test failed.</summary>
    private void KeepWords()
    {
        var folder = Directory.CreateDirectory(Path.Combine(Places.Checkout, "artifacts", "acceptance")).FullName;
        var test = string.Concat(TestContext.CurrentContext.Test.FullName.Split('.')[^1].Where(letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '-'));
        File.WriteAllLines(Path.Combine(folder, $"{test}-{Port}.log"), _output);
    }

    private async Task SignalAsync(string signal) => (await Run.Async("kill", [signal, ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture)])).Expect("kill");

    private async Task<bool> IsUpAsync()
    {
        if (_process is not { HasExited: false })
        {
            throw new InvalidOperationException("the process has ended");
        }

        return await Api.IsReadyAsync();
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            _output.Enqueue(line);
        }
    }

    private void Forget()
    {
        _process?.Dispose();
        _process = null;
    }

    private string ReadToken() => File.ReadAllText(Path.Combine(_settings["RUNTIME_DATA_DIR"], "admin-token")).Trim();
}
