using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Wire;

internal sealed partial class DockerWire
{
    private const int LongestLine = 1 << 20;

    /// <summary>The engine runs other programs to answer it; a busy one has been seen to take half a minute.</summary>
    public async Task<EngineInfo> InfoAsync(CancellationToken ct) =>
        await GetAsync("/info", DockerJson.Default.EngineInfo, ct, TimeSpan.FromMinutes(1)) ?? throw Gone("/info");

    public async Task<EngineVersion> VersionAsync(CancellationToken ct) =>
        await GetAsync("/version", DockerJson.Default.EngineVersion, ct) ?? throw Gone("/version");

    /// <summary>Events as they happen. Ends by itself after <paramref name="atMost"/> (a half-open connection says nothing for ever), or with a fault.</summary>
    /// <param name="since">Unix time in nanoseconds of the last event seen; null = from now on.</param>
    public IAsyncEnumerable<EngineEvent> EventsAsync(long? since, TimeSpan atMost, CancellationToken ct)
    {
        // No label filter: network and volume events carry no labels, so the reader tells them apart by name.
        var path = $"/events?filters={Filters(("type", "container"), ("type", "network"), ("type", "volume"))}";
        if (since is { } nanoseconds)
        {
            path += string.Create(CultureInfo.InvariantCulture, $"&since={nanoseconds / 1_000_000_000}.{nanoseconds % 1_000_000_000:D9}");
        }

        return LinesAsync(HttpMethod.Get, path, DockerJson.Default.EngineEvent, registryAuth: null, atMost, idle: atMost, endAtLimit: true, refusal: null, ct);
    }

    /// <summary>One JSON value a line, each line and the whole time bounded.</summary>
    private async IAsyncEnumerable<T> LinesAsync<T>(
        HttpMethod method,
        string path,
        System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type,
        string? registryAuth,
        TimeSpan atMost,
        TimeSpan idle,
        bool endAtLimit,
        Func<string, Fault>? refusal,
        [EnumeratorCancellation] CancellationToken ct,
        HttpContent? content = null)
        where T : class
    {
        using var total = new CancellationTokenSource(atMost, _time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, total.Token);
        using var reply = await GuardedAsync(path, idle, async c =>
        {
            var answer = await SendAsync(method, path, content, HttpCompletionOption.ResponseHeadersRead, registryAuth, c);
            if (!answer.IsSuccessStatusCode)
            {
                using (answer)
                {
                    // Before the first line of progress a failed pull is a status, with the same words that a later one has in the stream.
                    if (refusal is not null && (int)answer.StatusCode is 404 or >= 500)
                    {
                        throw new BackendFault(refusal(await MessageAsync(answer, c)));
                    }

                    await ThrowUnlessSuccessAsync(answer, path, c);
                }
            }

            return answer;
        }, limited.Token);
        await using var stream = await reply.Content.ReadAsStreamAsync(limited.Token);
        var lines = new LineReader(stream, LongestLine);
        while (true)
        {
            string? line;
            try
            {
                line = await GuardedAsync(path, idle, c => lines.ReadAsync(c), limited.Token);
            }
            catch (Exception e) when (total.IsCancellationRequested && !ct.IsCancellationRequested && e is OperationCanceledException or BackendFault)
            {
                if (endAtLimit)
                {
                    yield break;
                }

                throw new BackendFault(TimedOut(path, atMost), e);
            }

            if (line is null)
            {
                yield break;
            }

            if (line.Length > 0)
            {
                yield return Parse(line, type, path);
            }
        }
    }

    private static T Parse<T>(string line, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, string path)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(line, type) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "EngineAnswer", $"A line of {PathOnly(path)} is not the JSON it documents: {e.Message}"), e);
        }
    }

    private static BackendFault Gone(string path) => new(new Fault(FaultKind.Transient, "EngineNotFound", $"The engine knows no {path}."));
}
