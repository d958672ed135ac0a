using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes.Wire;

/// <summary>What does not end by itself: watches, logs, attached streams.</summary>
public sealed partial class KubernetesWire
{
    /// <summary>Asked of the server: it then ends the watch, which is begun anew where it ended.</summary>
    private static readonly TimeSpan WatchFor = TimeSpan.FromMinutes(5);

    /// <summary>Bookmarks come about every minute, so that a longer silence is a dead connection. Servers that send none end a watch sooner than they need.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(150);

    private const int LongestEvent = 8 << 20;
    private const int LongestLine = 1 << 20;

    /// <summary>From a version on, until the server ends it (after some minutes: not a fault).</summary>
    /// <exception cref="BackendFault">Reason <see cref="Faults.Expired"/>: the version is too old, list anew.</exception>
    public async IAsyncEnumerable<KubeEvent> WatchAsync(KubeKind kind, string? space, string? selector, string version, [EnumeratorCancellation] CancellationToken ct)
    {
        var path = string.Create(
            CultureInfo.InvariantCulture,
            $"{kind.Path(space)}?watch=1&allowWatchBookmarks=true&resourceVersion={Uri.EscapeDataString(version)}&timeoutSeconds={WatchFor.TotalSeconds:0}{(selector is null ? "" : "&labelSelector=" + Uri.EscapeDataString(selector))}");
        using var watchdog = new CancellationTokenSource(Silence, _time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, watchdog.Token);
        using var reply = await OpenAsync(path, ct, limited.Token);
        await using var stream = await reply.Content.ReadAsStreamAsync(limited.Token);
        var lines = new LineReader(stream, LongestEvent);
        while (await GuardAsync(path, () => lines.ReadAsync(limited.Token), ct) is { } line)
        {
            watchdog.CancelAfter(Silence);
            yield return await GuardAsync(path, () => Task.FromResult(EventOf(line, path)), ct);
        }
    }

    /// <param name="since">Whole seconds, to the server; null: from the beginning.</param>
    /// <param name="previous">Of the container before its last restart.</param>
    public async IAsyncEnumerable<string> LogAsync(
        string space, string pod, string container, int? tail, DateTimeOffset? since, bool follow, bool previous, [EnumeratorCancellation] CancellationToken ct)
    {
        var path = KubeKind.Pod.Path(space, pod) + string.Create(
            CultureInfo.InvariantCulture,
            $"/log?container={Uri.EscapeDataString(container)}&timestamps=true{(tail is null ? "" : $"&tailLines={tail}")}{(since is null ? "" : $"&sinceTime={since.Value.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}")}{(follow ? "&follow=true" : "")}{(previous ? "&previous=true" : "")}");
        using var clock = new CancellationTokenSource(Usual, _time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        using var reply = await OpenAsync(path, ct, limited.Token);
        await using var stream = await reply.Content.ReadAsStreamAsync(limited.Token);
        var lines = new LineReader(stream, LongestLine);
        if (follow)
        {
            clock.CancelAfter(Timeout.InfiniteTimeSpan);
        }

        while (await GuardAsync(path, () => lines.ReadAsync(limited.Token), ct) is { } line)
        {
            yield return line;
        }
    }

    /// <summary>A container's own streams: what is written goes to its stdin, what it writes comes from the moment of attaching on.</summary>
    public Task<KubeAttachment> AttachAsync(string space, string pod, string container, CancellationToken ct)
    {
        var path = KubeKind.Pod.Path(space, pod) + $"/attach?container={Uri.EscapeDataString(container)}&stdin=true&stdout=true&stderr=true";
        return GuardAsync(path, async () =>
        {
            var socket = new ClientWebSocket();
            try
            {
                socket.Options.AddSubProtocol(KubeAttachment.Protocol);
                socket.Options.KeepAliveInterval = TimeSpan.FromSeconds(20);
                if (await _access.Token.ReadAsync(ct) is { } token)
                {
                    socket.Options.SetRequestHeader("Authorization", "Bearer " + token);
                }

                using var clock = new CancellationTokenSource(Usual, _time);
                using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
                var server = new UriBuilder(new Uri(_access.Server, path)) { Scheme = _access.Server.Scheme == Uri.UriSchemeHttps ? "wss" : "ws" };
                _ = Interlocked.Increment(ref _calls);
                await socket.ConnectAsync(server.Uri, _http, limited.Token);
                return new KubeAttachment(socket);
            }
            catch (WebSocketException e) when (socket.HttpStatusCode is >= HttpStatusCode.BadRequest)
            {
                var fault = Of((int)socket.HttpStatusCode, reason: null, e.Message, pause: null, $"Kubernetes refused to attach to {pod}");
                socket.Dispose();
                throw new BackendFault(fault, e);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }, ct);
    }

    private Task<HttpResponseMessage> OpenAsync(string path, CancellationToken ct, CancellationToken limited) => GuardAsync(path, async () =>
    {
        var reply = await SendAsync(HttpMethod.Get, path, body: null, limited);
        if (reply.IsSuccessStatusCode)
        {
            return reply;
        }

        using (reply)
        {
            await using var content = await reply.Content.ReadAsStreamAsync(limited);
            throw await FaultOfAsync(reply, content, HttpMethod.Get, path, limited);
        }
    }, ct);

    private static KubeEvent EventOf(string line, string path)
    {
        if (JsonNode.Parse(line) is not JsonObject said || said["object"] is not JsonObject about)
        {
            throw Odd(path, "has a line that is no event");
        }

        return said["type"].AsText() switch
        {
            "ADDED" => new KubeEvent(KubeChange.Added, new KubeObject(about)),
            "MODIFIED" => new KubeEvent(KubeChange.Modified, new KubeObject(about)),
            "DELETED" => new KubeEvent(KubeChange.Deleted, new KubeObject(about)),
            "BOOKMARK" => new KubeEvent(KubeChange.Bookmark, new KubeObject(about)),
            "ERROR" => throw new BackendFault(Of((int)(about["code"].AsNumber() ?? 500), about["reason"].AsText(), about["message"].AsText() ?? "", pause: null, $"The watch of {PathOnly(path)} ended")),
            var other => throw Odd(path, $"has an event of the type {other}"),
        };
    }
}
