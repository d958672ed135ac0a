using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using McpRuntime.Backends.Tests.Git;
using McpRuntime.CodeEngineDouble.Driver;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>The service, the double of Code Engine, a repository's server, and a real MCP server that the double's apps lead to.</summary>
internal sealed class CodeEnginePlace : IAsyncDisposable
{
    private readonly Process _server;

    private CodeEnginePlace(Process server, DoubleProcess @double, GitServer git, Service service) => (_server, Double, Git, Service) = (server, @double, git, service);

    public DoubleProcess Double { get; }

    public GitServer Git { get; }

    public Service Service { get; }

    /// <param name="before">What the double is told before the service starts.</param>
    /// <param name="settings">Over those that lead to the double.</param>
    public static async Task<CodeEnginePlace> StartAsync(Func<DoubleProcess, Task>? before = null, params (string Name, string Value)[] settings)
    {
        var port = Places.FreePort();
        var path = typeof(CodeEnginePlace).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "SampleServer").Value!;
        var start = new ProcessStartInfo("dotnet", [path]) { UseShellExecute = false, RedirectStandardOutput = true };
        start.Environment["PORT"] = port.ToString(CultureInfo.InvariantCulture);
        var server = Process.Start(start)!;
        var platform = await DoubleProcess.StartAsync();
        var git = await GitServer.StartAsync();
        var upstream = $"127.0.0.1:{port}";
        await platform.ScriptAsync(new { contains = "acme/server", upstream });
        await platform.ScriptAsync(new { contains = "us.icr.io/acme", upstream });
        await platform.SendAsync(HttpMethod.Post, "secrets", new { name = "pull", format = "registry", data = new { username = "iamapikey", password = "x", server = "us.icr.io" } });
        await (before?.Invoke(platform) ?? Task.CompletedTask);
        var all = Settings(platform, git);
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }

        return new CodeEnginePlace(server, platform, git, await Service.StartAsync(all));
    }

    public async ValueTask DisposeAsync()
    {
        await Service.DisposeAsync();
        await Double.DisposeAsync();
        await Git.DisposeAsync();
        if (!_server.HasExited)
        {
            _server.Kill();
        }

        _server.Dispose();
    }

    private static Dictionary<string, string> Settings(DoubleProcess platform, GitServer git) => new(StringComparer.Ordinal)
    {
        ["RUNTIME_DEFAULT_BACKEND"] = "ibm_code_engine",
        ["RUNTIME_DOCKER_ENABLED"] = "false",
        ["RUNTIME_IBM_CODE_ENGINE_ENABLED"] = "true",
        ["RUNTIME_GIT_ALLOWED_HOSTS"] = git.Authority,
        ["RUNTIME_GIT_CA_FILE"] = git.Authorities,
        ["RUNTIME_ALLOW_PRIVATE_ADDRESSES"] = "127.0.0.0/8,::1/128",
        ["RUNTIME_IBM_CODE_ENGINE_API_KEY"] = DoubleProcess.ApiKey,
        ["RUNTIME_IBM_CODE_ENGINE_PROJECT_ID"] = DoubleProcess.Project,
        ["RUNTIME_IBM_CODE_ENGINE_REGION"] = "eu-de",
        ["RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET"] = "pull",
        ["RUNTIME_IBM_CODE_ENGINE_BUILD_REGISTRY"] = "us.icr.io/acme",
        ["RUNTIME_IBM_CODE_ENGINE_URL"] = platform.Url.ToString(),
        ["RUNTIME_IBM_CODE_ENGINE_IAM_URL"] = platform.Url.ToString(),
        ["RUNTIME_IBM_CODE_ENGINE_KUBECONFIG_URL"] = platform.Url.ToString(),
    };
}
