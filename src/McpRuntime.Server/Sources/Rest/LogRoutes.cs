using System.Globalization;
using System.Runtime.CompilerServices;
using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Access;
using McpRuntime.Server.Records.Secrets;
using Microsoft.AspNetCore.Mvc;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>GET /runtimes/{id}/logs: the backend's own log, with the runtime's secrets taken out.</summary>
internal sealed class LogRoutes(IRuntimeQueries queries, IRecordStore records, IReadOnlyDictionary<string, IBackend> backends, IHostApplicationLifetime lifetime, TimeProvider time) : IDisposable
{
    private const int MaxFollowers = 100;
    private const int MaxCharacters = 8 << 20;

    private static readonly TimeSpan KeepAlive = TimeSpan.FromSeconds(15);

    private static readonly QueryParameter<int> Tail = Query.Whole("tail", 1, 5000, 200, "Lines from the end.");
    private static readonly QueryParameter<DateTimeOffset?> Since = Query.Time("since", "Not before.");
    private static readonly QueryParameter<DateTimeOffset?> Until = Query.Time("until", "Not after.");
    private static readonly QueryParameter<string?> Stream = Query.Choice("stream", ["stdout", "stderr", "build"], "Only this stream.");
    private static readonly QueryParameter<string?> Service = Query.Text("service", "Only this service of a compose runtime.", max: 63);
    private static readonly QueryParameter<bool> Timestamps = Query.Flag("timestamps", "Puts the backend's time before each line.");
    private static readonly QueryParameter<bool> Follow = Query.Flag("follow", "Streams lines as they are written (text/event-stream).");

    private readonly SemaphoreSlim _followers = new(MaxFollowers, MaxFollowers);

    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/{runtime_id}/logs", (HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, LogRoutes logs, CancellationToken ct) => logs.ReadAsync(http, runtimeId, ct))
            .Needs(Roles.Viewer).MayStayOpen().Takes(Tail, Since, Until, Stream, Service, Timestamps, Follow)
            .WithSummary("What the server wrote").Produces<LogsJson>();

    public void Dispose() => _followers.Dispose();

    private async Task<IResult> ReadAsync(HttpContext http, string runtimeId, CancellationToken ct)
    {
        var view = await RuntimeRoutes.FindAsync(queries, http.Caller(), runtimeId, ct);
        if (view.Status == RuntimeStatus.Deleted)
        {
            throw new Refusal(RefusalKind.Conflict, "The runtime is deleted", $"Nothing of \"{view.Name}\" is left on {view.Backend}, its log included.");
        }

        if (!backends.TryGetValue(view.Backend, out var backend))
        {
            throw new Refusal(RefusalKind.Conflict, "The backend is not enabled", $"\"{view.Name}\" runs on {view.Backend}, which this installation does not have enabled.");
        }

        var query = new LogQuery(http.Asked(Tail), http.Asked(Since), http.Asked(Until), StreamOf(http.Asked(Stream)), http.Asked(Service), http.Asked(Follow));
        var identity = new RuntimeIdentity(await records.InstanceIdAsync(ct), view.Id);
        var secrets = await LogSecrets.OfAsync(records, view, time, ct);
        // What the backend itself says of a runtime says so in its own words.
        var namedBut = query.Service is null ? view.Backend : null;
        if (!query.Follow)
        {
            return await AllAsync(view, Lines(backend.LogsAsync(identity, query, ct), secrets, http.Asked(Timestamps), namedBut, ct), ct);
        }

        // A followed log has no end of its own: it ends with the client, or with this process.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
        return await FollowAsync(http, Lines(backend.LogsAsync(identity, query, end.Token), secrets, http.Asked(Timestamps), namedBut, end.Token), end.Token);
    }

    private static async Task<IResult> AllAsync(RuntimeView view, IAsyncEnumerable<string> lines, CancellationToken ct)
    {
        var logs = new List<string>();
        var room = MaxCharacters;
        await foreach (var line in lines.WithCancellation(ct))
        {
            logs.Add(line);
            room -= line.Length;
            if (room < 0)
            {
                logs.Add("(cut here: ask for fewer lines with tail, since or until)");
                break;
            }
        }

        return Results.Json(new LogsJson(view.Id, view.Backend, logs), RestJson.Options);
    }

    private async Task<IResult> FollowAsync(HttpContext http, IAsyncEnumerable<string> lines, CancellationToken end)
    {
        if (!await _followers.WaitAsync(TimeSpan.Zero, end))
        {
            throw new Refusal(RefusalKind.Throttled, "Too many followers", $"{MaxFollowers} logs are being followed already.") { RetryAfter = TimeSpan.FromSeconds(30) };
        }

        try
        {
            var response = http.Response;
            response.ContentType = "text/event-stream";
            response.Headers.CacheControl = "no-cache";
            response.Headers["X-Accel-Buffering"] = "no";
            // The head goes at once: the first line may be hours away.
            await response.Body.FlushAsync(end);
            await StreamAsync(response, lines, end);
            return Results.Empty;
        }
        finally
        {
            _followers.Release();
        }
    }

    private async Task StreamAsync(HttpResponse response, IAsyncEnumerable<string> lines, CancellationToken end)
    {
        await using var reader = lines.GetAsyncEnumerator(end);
        var next = reader.MoveNextAsync().AsTask();
        while (true)
        {
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(end);
            var first = await Task.WhenAny(next, Task.Delay(KeepAlive, time, pause.Token));
            await pause.CancelAsync();
            if (end.IsCancellationRequested)
            {
                // The reader must be at rest before it is disposed of.
                await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return;
            }

            if (first == next)
            {
                if (!await next)
                {
                    return;
                }

                await response.WriteAsync($"data: {reader.Current.Replace("\r", "", StringComparison.Ordinal).Replace("\n", "\ndata: ", StringComparison.Ordinal)}\n\n", end);
                next = reader.MoveNextAsync().AsTask();
            }
            else
            {
                await response.WriteAsync(": still here\n\n", end);
            }

            await response.Body.FlushAsync(end);
        }
    }

    /// <param name="namedBut">Each line of a runtime with several services begins with the one it is from, but for this one's; null: none does.</param>
    private static async IAsyncEnumerable<string> Lines(IAsyncEnumerable<LogLine> lines, LogSecrets secrets, bool timestamps, string? namedBut, [EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var line in lines.WithCancellation(ct))
        {
            var text = (namedBut is not null && line.Service is { } service && service != namedBut ? service + " | " : "") + await secrets.CleanAsync(line.Text, ct);
            yield return timestamps ? string.Create(CultureInfo.InvariantCulture, $"{line.At.UtcDateTime:O} {text}") : text;
        }
    }

    private static LogStream? StreamOf(string? word) => word switch
    {
        "stdout" => LogStream.Stdout,
        "stderr" => LogStream.Stderr,
        "build" => LogStream.Build,
        _ => null,
    };
}

internal sealed record LogsJson(string RuntimeId, string Backend, IReadOnlyList<string> Logs);
