using System.Globalization;
using McpRuntime.ContextForgeDouble;

// A double of ContextForge's API for gateways, as a process of its own: --port, --token.
// It says "listening on <url>" when it is ready, and ends when its standard input does.
var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.ClearProviders();
builder.WebHost.UseUrls($"http://127.0.0.1:{builder.Configuration["port"] ?? "0"}");
var app = builder.Build();
using var surface = new Surface(new Registry(), builder.Configuration["token"] ?? "token");
app.Run(surface.AnswerAsync);
await app.StartAsync();
await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"listening on {app.Urls.First()}"));

// Whoever started it may be killed: then its end of the pipe closes, and nothing is left behind.
await Console.In.ReadToEndAsync();
await app.StopAsync();
