using System.Globalization;
using McpRuntime.CodeEngineDouble;

// A double of IBM Cloud Code Engine's REST API v2 and of IAM, as a process of its own: --port, --api-key, --project, --region.
// It says "listening on <url>" when it is ready, and ends when its standard input does.
var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.ClearProviders();
var port = builder.Configuration["port"] ?? "0";
builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
var app = builder.Build();
var project = new DoubleProject(builder.Configuration["project"] ?? "11111111-2222-3333-4444-555555555555", builder.Configuration["region"] ?? "eu-de", TimeProvider.System);
using var surface = new Surface(project, new Iam(builder.Configuration["api-key"] ?? "api-key", project), new LogRoutes(project));
app.Run(surface.AnswerAsync);
await app.StartAsync();
await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"listening on {app.Urls.First()}"));

// Whoever started it may be killed: then its end of the pipe closes, and nothing is left behind.
await Console.In.ReadToEndAsync();
await app.StopAsync();
