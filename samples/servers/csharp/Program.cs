using McpRuntime.SampleServer;
using ModelContextProtocol.Server;

// A child of the memory probe: it holds what it was told to and says so, or is killed by the kernel on the way.
if (args is ["hold-memory", var megabytes])
{
    return MemoryHog.Hold(int.Parse(megabytes, System.Globalization.CultureInfo.InvariantCulture));
}

// The same probe without the server, for when nobody can call it.
if (args is ["tunnel", var host, var at])
{
    try
    {
        Console.WriteLine(await TlsTunnel.OpenAsync(host, int.Parse(at, System.Globalization.CultureInfo.InvariantCulture), host, TimeSpan.Zero, CancellationToken.None));
        return 0;
    }
    catch (Exception fault) when (fault is IOException or System.Net.Sockets.SocketException or System.Security.Authentication.AuthenticationException or TimeoutException)
    {
        Console.WriteLine(fault.Message);
        return 1;
    }
}

var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.ClearProviders().AddSimpleConsole(console => console.SingleLine = true);
builder.Logging.SetMinimumLevel(LogLevel.Warning);

// Platforms that choose the port (Code Engine is one) say so here.
var port = int.TryParse(Environment.GetEnvironmentVariable("PORT"), System.Globalization.CultureInfo.InvariantCulture, out var chosen) ? chosen : 8080;
builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenAnyIP(port));

var options = new McpServerOptions
{
    ServerInfo = new() { Name = "sample-server", Version = "1.0.0" },
    ToolCollection = [.. GreetingTools.All, .. Probes.All, .. Marks.All],
};

if (Environment.GetEnvironmentVariable("SAMPLE_CONFORMANCE") == "1")
{
    ConformanceFeatures.AddTo(options);
}

var app = builder.Build();
var endpoint = new StreamableHttp(options, app.Services.GetRequiredService<ILoggerFactory>(), TimeProvider.System);
app.MapPost("/mcp", endpoint.PostAsync);
app.MapGet("/mcp", endpoint.GetAsync);
app.MapDelete("/mcp", endpoint.DeleteAsync);

Console.WriteLine(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"sample-server listens on {port}, endpoint /mcp"));
await app.RunAsync();
return 0;
