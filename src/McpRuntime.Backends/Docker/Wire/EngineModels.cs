using System.Text.Json;
using System.Text.Json.Serialization;
using McpRuntime.Backends.Registries;

namespace McpRuntime.Backends.Docker.Wire;

// The engine's own words and casing; only the fields that are used. Absent and null are the same to it.
internal sealed record EngineMessage(string? Message)
{
    [JsonPropertyName("message")]
    public string? Message { get; init; } = Message;
}

internal sealed record EngineVersion(string? Version, string? ApiVersion, string? MinAPIVersion, string? Os, string? Arch);

internal sealed record EngineInfo
{
    [JsonPropertyName("ID")]
    public string Id { get; init; } = "";

    public string? ServerVersion { get; init; }

    [JsonPropertyName("OSType")]
    public string? OsType { get; init; }

    public string? Architecture { get; init; }

    [JsonPropertyName("NCPU")]
    public int Cpus { get; init; }

    public long MemTotal { get; init; }

    public bool MemoryLimit { get; init; }

    public bool SwapLimit { get; init; }

    public bool CpuCfsPeriod { get; init; }

    public bool CpuCfsQuota { get; init; }

    public bool PidsLimit { get; init; }

    public bool BridgeNfIptables { get; init; }

    public IReadOnlyList<string>? SecurityOptions { get; init; }

    public string? CgroupVersion { get; init; }
}

/// <param name="Id">The engine's own; a name is <paramref name="Names"/>' entry without its slash.</param>
/// <param name="State"><c>created, running, paused, restarting, removing, exited, dead</c>.</param>
internal sealed record ContainerSummary(
    string Id,
    IReadOnlyList<string>? Names,
    string? Image,
    [property: JsonPropertyName("ImageID")] string? ImageId,
    string? State,
    IReadOnlyDictionary<string, string>? Labels,
    SummaryNetworks? NetworkSettings)
{
    public string Name => Names is { Count: > 0 } ? Names[0].TrimStart('/') : Id;
}

internal sealed record SummaryNetworks(IReadOnlyDictionary<string, EndpointSettings>? Networks);

internal sealed record ContainerInspect(
    string Id,
    string Name,
    DateTimeOffset? Created,
    string? Image,
    ContainerState State,
    ContainerConfig Config,
    HostConfig HostConfig,
    ContainerNetworks? NetworkSettings,
    IReadOnlyList<MountPoint>? Mounts,
    long? SizeRw = null)
{
    public string PlainName => Name.TrimStart('/');
}

internal sealed record ContainerState(
    string? Status,
    bool Running,
    bool Paused,
    [property: JsonPropertyName("OOMKilled")] bool OomKilled,
    bool Dead,
    int ExitCode,
    string? Error,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt)
{
    /// <summary>Null: it has no healthcheck.</summary>
    public ContainerHealthState? Health { get; init; }
}

/// <param name="Status"><c>none, starting, healthy, unhealthy</c>.</param>
internal sealed record ContainerHealthState(string? Status, int FailingStreak, IReadOnlyList<HealthLogEntry>? Log);

internal sealed record HealthLogEntry(int ExitCode, string? Output);

/// <summary>Times in nanoseconds; null or 0 = the image's own, else the engine's default.</summary>
internal sealed record HealthConfig(IReadOnlyList<string>? Test, long? Interval, long? Timeout, long? StartPeriod, int? Retries);

internal sealed record ContainerConfig
{
    public string? User { get; init; }

    public IReadOnlyList<string>? Env { get; init; }

    public IReadOnlyList<string>? Cmd { get; init; }

    public IReadOnlyList<string>? Entrypoint { get; init; }

    public string? Image { get; init; }

    public string? Hostname { get; init; }

    public string? WorkingDir { get; init; }

    public bool Tty { get; init; }

    public bool OpenStdin { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    public IReadOnlyDictionary<string, JsonElement>? ExposedPorts { get; init; }

    public IReadOnlyDictionary<string, JsonElement>? Volumes { get; init; }

    /// <summary>Seconds; null = the engine's default.</summary>
    public int? StopTimeout { get; init; }

    public HealthConfig? Healthcheck { get; init; }

    /// <summary>An image's alone: what a build that stands on it runs first.</summary>
    public IReadOnlyList<string>? OnBuild { get; init; }
}

internal sealed record HostConfig
{
    public string? NetworkMode { get; init; }

    public RestartPolicy? RestartPolicy { get; init; }

    public LogConfig? LogConfig { get; init; }

    public IReadOnlyList<string>? CapAdd { get; init; }

    public IReadOnlyList<string>? CapDrop { get; init; }

    public IReadOnlyList<string>? Dns { get; init; }

    public IReadOnlyList<string>? ExtraHosts { get; init; }

    public string? IpcMode { get; init; }

    public string? PidMode { get; init; }

    [JsonPropertyName("UTSMode")]
    public string? UtsMode { get; init; }

    public string? UsernsMode { get; init; }

    public string? CgroupParent { get; init; }

    public bool Privileged { get; init; }

    public bool PublishAllPorts { get; init; }

    public bool ReadonlyRootfs { get; init; }

    public IReadOnlyList<string>? SecurityOpt { get; init; }

    public IReadOnlyDictionary<string, string>? Tmpfs { get; init; }

    public IReadOnlyDictionary<string, string>? Sysctls { get; init; }

    public IReadOnlyList<string>? Binds { get; init; }

    public IReadOnlyList<string>? VolumesFrom { get; init; }

    public IReadOnlyList<Mount>? Mounts { get; init; }

    public IReadOnlyList<JsonElement>? Devices { get; init; }

    public IReadOnlyDictionary<string, IReadOnlyList<PortBinding>?>? PortBindings { get; init; }

    public long NanoCpus { get; init; }

    /// <summary>Bytes; 0 = no limit.</summary>
    public long Memory { get; init; }

    /// <summary>Bytes of memory and swap together; equal to <see cref="Memory"/> = no swap.</summary>
    public long MemorySwap { get; init; }

    public long? PidsLimit { get; init; }

    public bool? Init { get; init; }

    /// <summary>What of /proc and /sys is hidden; the engine's own list, unless somebody asked for <c>systempaths=unconfined</c>: then it is empty.</summary>
    public IReadOnlyList<string>? MaskedPaths { get; init; }

    public IReadOnlyList<string>? ReadonlyPaths { get; init; }

    public IReadOnlyList<string>? DeviceCgroupRules { get; init; }

    public IReadOnlyList<JsonElement>? DeviceRequests { get; init; }

    public IReadOnlyList<string>? GroupAdd { get; init; }

    public bool? OomKillDisable { get; init; }
}

internal sealed record RestartPolicy(string Name, int MaximumRetryCount = 0);

internal sealed record LogConfig(string Type, IReadOnlyDictionary<string, string>? Config);

internal sealed record PortBinding(string? HostIp, string? HostPort);

internal sealed record Mount(string Type, string? Source, string Target, bool ReadOnly = false);

internal sealed record MountPoint(string? Type, string? Name, string? Source, string? Destination, [property: JsonPropertyName("RW")] bool Writable);

internal sealed record ContainerNetworks(IReadOnlyDictionary<string, EndpointSettings>? Networks);

internal sealed record EndpointSettings(
    [property: JsonPropertyName("NetworkID")] string? NetworkId,
    [property: JsonPropertyName("IPAddress")] string? IpAddress,
    string? Gateway = null,
    IReadOnlyList<string>? Aliases = null);

/// <summary>A create request is a container's config with these two beside its fields.</summary>
internal sealed record ContainerCreate
{
    public required string Image { get; init; }

    public string? User { get; init; }

    public string? Hostname { get; init; }

    public IReadOnlyList<string>? Env { get; init; }

    public IReadOnlyList<string>? Cmd { get; init; }

    public IReadOnlyList<string>? Entrypoint { get; init; }

    public string? WorkingDir { get; init; }

    public string? StopSignal { get; init; }

    /// <summary>Seconds.</summary>
    public int? StopTimeout { get; init; }

    public HealthConfig? Healthcheck { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    public bool OpenStdin { get; init; }

    public required HostConfig HostConfig { get; init; }

    public NetworkingConfig? NetworkingConfig { get; init; }
}

internal sealed record NetworkingConfig(IReadOnlyDictionary<string, EndpointSettings> EndpointsConfig);

internal sealed record ContainerCreated(string Id, IReadOnlyList<string>? Warnings);

/// <summary>What can be edited on a live container. Null = left as it is.</summary>
internal sealed record ContainerUpdate(long? NanoCpus, long? Memory, long? MemorySwap, long? PidsLimit, RestartPolicy? RestartPolicy = null);

internal sealed record NetworkInspect
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public string? Driver { get; init; }

    public bool Internal { get; init; }

    [JsonPropertyName("EnableIPv6")]
    public bool EnableIpv6 { get; init; }

    [JsonPropertyName("IPAM")]
    public Ipam? Ipam { get; init; }

    public IReadOnlyDictionary<string, string>? Options { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    /// <summary>Only in an inspect, and only of running containers, by container id.</summary>
    public IReadOnlyDictionary<string, JsonElement>? Containers { get; init; }
}

internal sealed record Ipam(string? Driver, IReadOnlyList<IpamConfig>? Config);

internal sealed record IpamConfig(string? Subnet, string? Gateway = null);

internal sealed record NetworkCreate
{
    public required string Name { get; init; }

    /// <summary>Without it two networks of one name can exist.</summary>
    public bool CheckDuplicate { get; init; } = true;

    public string Driver { get; init; } = "bridge";

    public bool Internal { get; init; }

    [JsonPropertyName("IPAM")]
    public Ipam? Ipam { get; init; }

    public IReadOnlyDictionary<string, string>? Options { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }
}

internal sealed record NetworkConnect(string Container, bool? Force = null, EndpointSettings? EndpointConfig = null);

internal sealed record NetworkCreated(string Id, string? Warning);

internal sealed record VolumeInspect
{
    public required string Name { get; init; }

    public string? Driver { get; init; }

    public DateTimeOffset? CreatedAt { get; init; }

    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    public IReadOnlyDictionary<string, string>? Options { get; init; }
}

internal sealed record VolumeList(IReadOnlyList<VolumeInspect>? Volumes);

internal sealed record VolumeCreate(string Name, string Driver, IReadOnlyDictionary<string, string>? Labels);

internal sealed record ImageSummary(string Id, IReadOnlyList<string>? RepoTags, IReadOnlyList<string>? RepoDigests, IReadOnlyDictionary<string, string>? Labels);

internal sealed record ImageInspect(
    string Id,
    IReadOnlyList<string>? RepoTags,
    IReadOnlyList<string>? RepoDigests,
    string? Architecture,
    string? Os,
    ContainerConfig? Config);

internal sealed record DistributionInspect(DistributionDescriptor? Descriptor);

internal sealed record DistributionDescriptor(
    [property: JsonPropertyName("digest")] string? Digest,
    [property: JsonPropertyName("mediaType")] string? MediaType);

internal sealed record PullLine(
    [property: JsonPropertyName("status")] string? Status,
    [property: JsonPropertyName("id")] string? Layer,
    [property: JsonPropertyName("error")] string? Error,
    [property: JsonPropertyName("progressDetail")] PullProgress? Detail,
    [property: JsonPropertyName("aux")] PushedDigest? Aux);

/// <summary>The last line of a push.</summary>
internal sealed record PushedDigest(string? Digest);

/// <param name="Stream">A part of the output; steps begin with <c>Step 1/5 : </c>.</param>
internal sealed record BuildLine(
    [property: JsonPropertyName("stream")] string? Stream,
    [property: JsonPropertyName("error")] string? Error,
    [property: JsonPropertyName("status")] string? Status,
    [property: JsonPropertyName("id")] string? Layer,
    [property: JsonPropertyName("aux")] BuiltImage? Aux);

/// <summary>The last line of a build.</summary>
internal sealed record BuiltImage([property: JsonPropertyName("ID")] string? Id);

internal sealed record ContainerStats([property: JsonPropertyName("pids_stats")] PidsStats? Pids);

internal sealed record PidsStats([property: JsonPropertyName("current")] long? Current);

internal sealed record PullProgress([property: JsonPropertyName("current")] long Current, [property: JsonPropertyName("total")] long Total);

/// <param name="TimeNano">Unix time in nanoseconds, the engine's clock.</param>
internal sealed record EngineEvent(
    string? Type,
    string? Action,
    EventActor? Actor,
    [property: JsonPropertyName("timeNano")] long TimeNano);

internal sealed record EventActor([property: JsonPropertyName("ID")] string? Id, IReadOnlyDictionary<string, string>? Attributes);

/// <summary>Credentials of one registry, as <c>X-Registry-Auth</c> carries them.</summary>
internal sealed record RegistryLogin(
    [property: JsonPropertyName("username")] string? Username,
    [property: JsonPropertyName("password")] string? Password,
    [property: JsonPropertyName("identitytoken")] string? IdentityToken,
    [property: JsonPropertyName("serveraddress")] string? ServerAddress)
{
    /// <summary>A record prints its members; this one's are secrets.</summary>
    public override string ToString() => ServerAddress ?? "";
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EngineMessage))]
[JsonSerializable(typeof(EngineVersion))]
[JsonSerializable(typeof(EngineInfo))]
[JsonSerializable(typeof(List<ContainerSummary>))]
[JsonSerializable(typeof(ContainerInspect))]
[JsonSerializable(typeof(ContainerCreate))]
[JsonSerializable(typeof(ContainerCreated))]
[JsonSerializable(typeof(ContainerUpdate))]
[JsonSerializable(typeof(List<NetworkInspect>))]
[JsonSerializable(typeof(NetworkCreate))]
[JsonSerializable(typeof(NetworkCreated))]
[JsonSerializable(typeof(NetworkConnect))]
[JsonSerializable(typeof(VolumeList))]
[JsonSerializable(typeof(VolumeCreate))]
[JsonSerializable(typeof(List<ImageSummary>))]
[JsonSerializable(typeof(ImageInspect))]
[JsonSerializable(typeof(DistributionInspect))]
[JsonSerializable(typeof(PullLine))]
[JsonSerializable(typeof(BuildLine))]
[JsonSerializable(typeof(ContainerStats))]
[JsonSerializable(typeof(Dictionary<string, string>))]
[JsonSerializable(typeof(EngineEvent))]
[JsonSerializable(typeof(RegistryLogin))]
[JsonSerializable(typeof(Dictionary<string, string[]>))]
internal sealed partial class DockerJson : JsonSerializerContext;
