using System.Globalization;
using System.Net;
using McpRuntime.Backends.Http;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Wire;

/// <summary>What an attempt to start came to.</summary>
internal enum StartAnswer
{
    Started,

    /// <summary>It ran already.</summary>
    Running,

    /// <summary>The container, or something it needs (its network), is not there.</summary>
    NotFound,
}

internal sealed partial class DockerWire
{
    /// <summary>All states. A list carries no limits: those need an inspect.</summary>
    public async Task<IReadOnlyList<ContainerSummary>> ListContainersAsync(CancellationToken ct, params string[] labels)
    {
        var filters = Filters([.. labels.Select(l => ("label", l))]);
        return await GetAsync($"/containers/json?all=1&filters={filters}", DockerJson.Default.ListContainerSummary, ct) ?? [];
    }

    /// <summary>Null: there is none of that name or id.</summary>
    public Task<ContainerInspect?> InspectContainerAsync(string id, CancellationToken ct) =>
        GetAsync($"/containers/{Segment(id)}/json", DockerJson.Default.ContainerInspect, ct);

    /// <summary>Null: the image is not there. A name that is taken is a Transient fault, reason <c>EngineConflict</c>.</summary>
    public Task<ContainerCreated?> CreateContainerAsync(string name, ContainerCreate create, CancellationToken ct) =>
        CallAsync(HttpMethod.Post, $"/containers/create?name={Uri.EscapeDataString(name)}", Json(create, DockerJson.Default.ContainerCreate), DockerJson.Default.ContainerCreated, ct);

    /// <summary>A command that cannot be run is Refused (400), with the engine's words.</summary>
    public async Task<(StartAnswer Answer, string Message)> StartContainerAsync(string id, CancellationToken ct)
    {
        var (status, message) = await StatusAsync(HttpMethod.Post, $"/containers/{Segment(id)}/start", content: null, ct, timeout: null, HttpStatusCode.NotModified, HttpStatusCode.NotFound);
        return status switch
        {
            HttpStatusCode.NotFound => (StartAnswer.NotFound, message),
            HttpStatusCode.NotModified => (StartAnswer.Running, ""),
            _ => (StartAnswer.Started, ""),
        };
    }

    /// <summary>SIGTERM, and SIGKILL after <paramref name="grace"/> (whole seconds). False: there is none.</summary>
    public async Task<bool> StopContainerAsync(string id, TimeSpan grace, CancellationToken ct)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"/containers/{Segment(id)}/stop?t={(int)grace.TotalSeconds}");
        var (status, _) = await StatusAsync(HttpMethod.Post, path, content: null, ct, Usual + grace, HttpStatusCode.NotModified, HttpStatusCode.NotFound);
        return status != HttpStatusCode.NotFound;
    }

    /// <summary>False: there is none, or it does not run.</summary>
    public async Task<bool> KillContainerAsync(string id, CancellationToken ct)
    {
        var (status, _) = await StatusAsync(HttpMethod.Post, $"/containers/{Segment(id)}/kill", content: null, ct, timeout: null, HttpStatusCode.NotFound, HttpStatusCode.Conflict);
        return status is not (HttpStatusCode.NotFound or HttpStatusCode.Conflict);
    }

    /// <summary>By force, with its anonymous volumes. False: there is none. A removal already under way counts as done.</summary>
    public async Task<bool> RemoveContainerAsync(string id, CancellationToken ct)
    {
        var (status, _) = await StatusAsync(HttpMethod.Delete, $"/containers/{Segment(id)}?force=1&v=1", content: null, ct, timeout: null, HttpStatusCode.NotFound, HttpStatusCode.Conflict);
        return status != HttpStatusCode.NotFound;
    }

    /// <summary>False: there is none.</summary>
    public async Task<bool> UpdateContainerAsync(string id, ContainerUpdate update, CancellationToken ct)
    {
        var (status, _) = await StatusAsync(HttpMethod.Post, $"/containers/{Segment(id)}/update", Json(update, DockerJson.Default.ContainerUpdate), ct, timeout: null, HttpStatusCode.NotFound);
        return status != HttpStatusCode.NotFound;
    }

    /// <summary>False: there is none, or it is not paused.</summary>
    public async Task<bool> UnpauseContainerAsync(string id, CancellationToken ct)
    {
        var (status, _) = await StatusAsync(HttpMethod.Post, $"/containers/{Segment(id)}/unpause", content: null, ct, timeout: null, HttpStatusCode.NotFound, HttpStatusCode.Conflict);
        return status is not (HttpStatusCode.NotFound or HttpStatusCode.Conflict);
    }

    /// <summary>Unpacks a tar archive into a folder of the container, running or not; a read-only root takes it only inside a volume. False: no such container or folder.</summary>
    public async Task<bool> PutArchiveAsync(string id, string folder, ReadOnlyMemory<byte> tar, CancellationToken ct)
    {
        var content = new ReadOnlyMemoryContent(tar);
        content.Headers.ContentType = new System.Net.Http.Headers.MediaTypeHeaderValue("application/x-tar");
        var (status, _) = await StatusAsync(HttpMethod.Put, $"/containers/{Segment(id)}/archive?path={Uri.EscapeDataString(folder)}", content, ct, timeout: null, HttpStatusCode.NotFound);
        return status != HttpStatusCode.NotFound;
    }

    /// <summary>A file or folder of the container as a tar archive, at most <paramref name="limit"/> bytes. Null: not there.</summary>
    public Task<byte[]?> GetArchiveAsync(string id, string path, long limit, CancellationToken ct)
    {
        var url = $"/containers/{Segment(id)}/archive?path={Uri.EscapeDataString(path)}";
        return GuardedAsync(url, Usual, async limited =>
        {
            using var reply = await SendAsync(HttpMethod.Get, url, content: null, HttpCompletionOption.ResponseHeadersRead, registryAuth: null, limited);
            if (reply.StatusCode == HttpStatusCode.NotFound)
            {
                return null;
            }

            await ThrowUnlessSuccessAsync(reply, url, limited);
            await using var body = new BoundedStream(await reply.Content.ReadAsStreamAsync(limited), limit);
            using var copy = new MemoryStream();
            await body.CopyToAsync(copy, limited);
            return copy.ToArray();
        }, ct);
    }

    /// <summary>The multiplexed log, each line with its time. Null: no such container. The caller disposes what it gets.</summary>
    public Task<HttpResponseMessage?> OpenLogsAsync(string id, LogRequest request, CancellationToken ct)
    {
        var path = $"/containers/{Segment(id)}/logs?{request.ToQuery()}";
        return GuardedAsync(path, Usual, async limited =>
        {
            var reply = await SendAsync(HttpMethod.Get, path, content: null, HttpCompletionOption.ResponseHeadersRead, registryAuth: null, limited);
            if (reply.IsSuccessStatusCode)
            {
                return reply;
            }

            using (reply)
            {
                if (reply.StatusCode != HttpStatusCode.NotFound)
                {
                    await ThrowUnlessSuccessAsync(reply, path, limited);
                }

                return null;
            }
        }, ct);
    }

    private static string Segment(string id) => id.Length > 0 && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
        ? id
        : throw new BackendFault(new Fault(FaultKind.Refused, "BadName", $"\"{id}\" is no name on the engine."));
}

/// <param name="Tail">Lines from the end; null = all.</param>
internal sealed record LogRequest(bool Stdout, bool Stderr, int? Tail, DateTimeOffset? Since, DateTimeOffset? Until, bool Follow)
{
    public string ToQuery()
    {
        var query = $"timestamps=1&stdout={Bit(Stdout)}&stderr={Bit(Stderr)}&follow={Bit(Follow)}&tail={Tail?.ToString(CultureInfo.InvariantCulture) ?? "all"}";
        query += Since is { } since ? $"&since={Seconds(since)}" : "";
        return Until is { } until ? $"{query}&until={Seconds(until)}" : query;
    }

    private static char Bit(bool value) => value ? '1' : '0';

    private static string Seconds(DateTimeOffset at) =>
        string.Create(CultureInfo.InvariantCulture, $"{at.ToUnixTimeSeconds()}.{(at.UtcTicks % TimeSpan.TicksPerSecond) * 100:D9}");
}
