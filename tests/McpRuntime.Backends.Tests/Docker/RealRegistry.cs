using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace McpRuntime.Backends.Tests.Docker;

/// <summary>A registry on loopback (Debian's docker-registry), with or without a password.</summary>
internal sealed class RealRegistry : IAsyncDisposable
{
    public const string User = "ada";
    public const string Password = "s3cret";

    private readonly Process _process;
    private readonly string _folder;

    private RealRegistry(Process process, string folder, int port, bool locked)
    {
        _process = process;
        _folder = folder;
        Address = $"127.0.0.1:{port}";
        Login = locked ? $$"""{"username":"{{User}}","password":"{{Password}}"}""" : "{}";
    }

    public string Address { get; }

    /// <summary>For the engine's <c>X-Registry-Auth</c>.</summary>
    public string Login { get; }

    public static async Task<RealRegistry> StartAsync(bool locked)
    {
        var folder = Directory.CreateTempSubdirectory("registry-").FullName;
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        // bcrypt of the password above, the only form the registry takes.
        await File.WriteAllTextAsync($"{folder}/htpasswd", $"{User}:$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG\n");
        var auth = locked ? $"auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}\n" : "";
        await File.WriteAllTextAsync($"{folder}/config.yml", $"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n{auth}");
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(p => File.Exists(Path.Combine(p, "docker-registry"))))
        {
            throw new AssertionException("These tests need a registry: install the Debian package docker-registry.");
        }

        var process = Process.Start(new ProcessStartInfo("docker-registry", ["serve", $"{folder}/config.yml"]) { UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var registry = new RealRegistry(process, folder, port, locked);
        var began = Stopwatch.StartNew();
        while (!await registry.AnswersAsync())
        {
            began.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(60), "the registry should answer");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }

        return registry;
    }

    public string LoginHeader => Convert.ToBase64String(Encoding.UTF8.GetBytes(Login));

    private async Task<bool> AnswersAsync()
    {
        using var http = new HttpClient();
        try
        {
            using var reply = await http.GetAsync(new Uri($"http://{Address}/v2/"));
            return reply.StatusCode is HttpStatusCode.OK or HttpStatusCode.Unauthorized;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
