using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Wire;

internal sealed partial class DockerWire
{
    /// <summary>The engine's own builder, step by step, until its last line tells the image's id; it has no name then. Cancelled: it ends the build and removes its container.</summary>
    /// <exception cref="BackendFault">Not that a step failed: that is a line with an error.</exception>
    public async IAsyncEnumerable<BuildLine> BuildAsync(BuildRequest request, HttpContent context, TimeSpan atMost, [EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var line in LinesAsync(
            HttpMethod.Post, "/build?" + request.ToQuery(), DockerJson.Default.BuildLine, registryAuth: null, atMost, idle: atMost, endAtLimit: false, refusal: null, ct, context))
        {
            yield return line;
        }
    }

    /// <summary>Ends with the digest that the registry has it under.</summary>
    public async Task<string?> PushAsync(string name, string tag, RegistryLogin? login, TimeSpan atMost, TimeSpan idle, Action<PullLine> progress, CancellationToken ct)
    {
        string? digest = null;
        var path = $"/images/{Reference(name)}/push?tag={Uri.EscapeDataString(tag)}";
        await foreach (var line in LinesAsync(HttpMethod.Post, path, DockerJson.Default.PullLine, Encode(login) ?? "e30=", atMost, idle, endAtLimit: false, words => PushFault(name, tag, words), ct))
        {
            if (line.Error is { Length: > 0 } error)
            {
                throw new BackendFault(PushFault(name, tag, error));
            }

            digest = line.Aux?.Digest ?? digest;
            progress(line);
        }

        return digest;
    }

    /// <summary>Layers nobody named, of images with all these labels.</summary>
    public async Task<IReadOnlyList<ImageSummary>> ListDanglingAsync(CancellationToken ct, params string[] labels) =>
        await GetAsync($"/images/json?filters={Filters([("dangling", "true"), .. labels.Select(l => ("label", l))])}", DockerJson.Default.ListImageSummary, ct) ?? [];

    /// <summary>With the bytes it has written. Null: it is gone.</summary>
    public Task<ContainerInspect?> MeasureContainerAsync(string id, CancellationToken ct) =>
        GetAsync($"/containers/{Segment(id)}/json?size=1", DockerJson.Default.ContainerInspect, ct);

    /// <summary>Processes and threads in it now. Null: it is gone.</summary>
    public async Task<long?> CountProcessesAsync(string id, CancellationToken ct) =>
        (await GetAsync($"/containers/{Segment(id)}/stats?stream=0&one-shot=1", DockerJson.Default.ContainerStats, ct))?.Pids?.Current;

    private static Fault PushFault(string name, string tag, string words) => Says(words, DeniedWords)
        ? new Fault(FaultKind.Refused, "PushDenied", $"Pushing {name}:{tag} was denied: {Cut(words)}. Add credentials that may push to RUNTIME_REGISTRY_CREDENTIALS.")
        : new Fault(FaultKind.Transient, "PushFailed", $"Pushing {name}:{tag} failed: {Cut(words)}");
}

/// <summary>No name is given: it gets its tag when all that makes it whole is done.</summary>
/// <param name="Marker">An extra host's name, in every container of this build and nobody else's: how its containers are told from others.</param>
internal sealed record BuildRequest(
    string Dockerfile,
    string Network,
    string Marker,
    long Memory,
    long CpuQuota,
    long LargestFile,
    IReadOnlyDictionary<string, string> Arguments,
    IReadOnlyDictionary<string, string> Labels)
{
    /// <summary>Of the quota, in microseconds.</summary>
    public const int CpuPeriod = 100_000;

    public string ToQuery()
    {
        var ulimits = $$"""[{"Name":"fsize","Soft":{{LargestFile.ToString(CultureInfo.InvariantCulture)}},"Hard":{{LargestFile.ToString(CultureInfo.InvariantCulture)}}},{"Name":"core","Soft":0,"Hard":0}]""";
        (string Key, string Value)[] query =
        [
            ("version", "1"),
            ("dockerfile", Dockerfile),
            ("rm", "1"),
            ("forcerm", "1"),
            ("networkmode", Network),
            ("extrahosts", $"{Marker}:127.0.0.1"),
            ("memory", Memory.ToString(CultureInfo.InvariantCulture)),
            ("memswap", Memory.ToString(CultureInfo.InvariantCulture)),
            ("cpuperiod", CpuPeriod.ToString(CultureInfo.InvariantCulture)),
            ("cpuquota", CpuQuota.ToString(CultureInfo.InvariantCulture)),
            ("ulimits", ulimits),
            ("buildargs", JsonSerializer.Serialize(new Dictionary<string, string>(Arguments, StringComparer.Ordinal), DockerJson.Default.DictionaryStringString)),
            ("labels", JsonSerializer.Serialize(new Dictionary<string, string>(Labels, StringComparer.Ordinal), DockerJson.Default.DictionaryStringString)),
        ];
        return string.Join('&', query.Select(q => $"{q.Key}={Uri.EscapeDataString(q.Value)}"));
    }
}
