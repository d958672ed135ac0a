using System.Text.Json;
using System.Text.Json.Serialization;

namespace McpRuntime.Backends.CodeEngine.Wire;

// Every word that the platform may extend (statuses, reasons, types) is a string: an unknown one must not break reading.

internal sealed record Variable
{
    public string? Type { get; init; }

    public string? Name { get; init; }

    public string? Value { get; init; }

    public string? Reference { get; init; }

    public string? Key { get; init; }

    public string? Prefix { get; init; }

    public static Variable Literal(string name, string value) => new() { Type = "literal", Name = name, Value = value };

    /// <summary>Values may be secrets of somebody else's app.</summary>
    public override string ToString() => $"{Type} {Name ?? Reference}";
}

internal sealed record Probe
{
    public string? Type { get; init; }

    public string? Path { get; init; }

    public int? Port { get; init; }

    public int? Interval { get; init; }

    public int? Timeout { get; init; }

    public int? FailureThreshold { get; init; }
}

internal sealed record Mount(string? Type, string? MountPath, string? Reference);

/// <summary>What is set of an app, and what is read back of it.</summary>
internal record AppSettings
{
    public string? ImageReference { get; init; }

    public string? ImageSecret { get; init; }

    public int? ImagePort { get; init; }

    public string? ManagedDomainMappings { get; init; }

    public Probe? ProbeLiveness { get; init; }

    public Probe? ProbeReadiness { get; init; }

    public IReadOnlyList<string>? RunArguments { get; init; }

    public IReadOnlyList<string>? RunCommands { get; init; }

    public long? RunAsUser { get; init; }

    public bool? RunComputeResourceTokenEnabled { get; init; }

    public IReadOnlyList<Variable>? RunEnvVariables { get; init; }

    public string? RunServiceAccount { get; init; }

    public IReadOnlyList<Mount>? RunVolumeMounts { get; init; }

    public int? ScaleMinInstances { get; init; }

    public int? ScaleMaxInstances { get; init; }

    public int? ScaleConcurrency { get; init; }

    public string? ScaleCpuLimit { get; init; }

    public string? ScaleMemoryLimit { get; init; }

    public string? ScaleEphemeralStorageLimit { get; init; }

    public int? ScaleRequestTimeout { get; init; }
}

internal sealed record AppCreate : AppSettings
{
    public required string Name { get; init; }
}

internal sealed record App : AppSettings
{
    public required string Name { get; init; }

    public string? Id { get; init; }

    public string? EntityTag { get; init; }

    public string? CreatedAt { get; init; }

    public string? Endpoint { get; init; }

    public string? EndpointInternal { get; init; }

    public string? Status { get; init; }

    public AppStatus? StatusDetails { get; init; }

    public string? Literal(string name) => RunEnvVariables?.FirstOrDefault(v => v.Type is null or "literal" && v.Name == name)?.Value;

    public (string? Instance, string? Record) Marks => (Literal(CodeEngineNames.Instance), Literal(CodeEngineNames.Record));
}

internal sealed record AppStatus(string? LatestCreatedRevision, string? LatestReadyRevision, string? Reason);

internal sealed record AppRevision(string Name, string? CreatedAt, string? Status, RevisionStatus? StatusDetails, IReadOnlyList<Variable>? RunEnvVariables = null)
{
    /// <summary>Made by a stop.</summary>
    public bool IsParked => RunEnvVariables?.Any(v => v.Name == CodeEngineNames.Parked) == true;
}

internal sealed record RevisionStatus(int? ActualInstances, string? Reason);

internal sealed record AppInstance(string Name, string? RevisionName, string? Status, InstanceStatus? StatusDetails);

internal sealed record InstanceStatus(int? Restarts, ContainerStatus? UserContainer);

internal sealed record ContainerStatus(ContainerWord? CurrentState, ContainerWord? LastObservedState);

internal sealed record ContainerWord(string? ContainerStatus, string? Reason, int? ExitCode, string? StartedAt, string? CompletedAt);

internal sealed record BuildSettings
{
    public required string Name { get; init; }

    public string? OutputImage { get; init; }

    public string? OutputSecret { get; init; }

    public string? StrategyType { get; init; }

    public string? StrategySize { get; init; }

    public string? StrategySpecFile { get; init; }

    public string? SourceType { get; init; }

    public string? SourceUrl { get; init; }

    public string? SourceRevision { get; init; }

    public string? SourceContextDir { get; init; }

    public IReadOnlyList<Variable>? RunBuildParams { get; init; }

    public int? Timeout { get; init; }

    // Read only.
    public string? Status { get; init; }

    public Why? StatusDetails { get; init; }

    public (string? Instance, string? Record) Marks => Params.Marks(RunBuildParams);
}

internal sealed record Why(string? Reason);

internal sealed record BuildRun
{
    public required string Name { get; init; }

    public string? BuildName { get; init; }

    public string? ServiceAccount { get; init; }

    public IReadOnlyList<Variable>? RunBuildParams { get; init; }

    public string? CreatedAt { get; init; }

    public string? Status { get; init; }

    public BuildRunStatus? StatusDetails { get; init; }

    public (string? Instance, string? Record) Marks => Params.Marks(RunBuildParams);
}

internal sealed record BuildRunStatus(string? Reason, string? OutputDigest, string? GitCommitSha);

internal static class Params
{
    public static (string? Instance, string? Record) Marks(IReadOnlyList<Variable>? parameters) => (Of(parameters, CodeEngineNames.Instance), Of(parameters, CodeEngineNames.Record));

    private static string? Of(IReadOnlyList<Variable>? parameters, string name) => parameters?.FirstOrDefault(p => p.Name == name)?.Value;
}

/// <summary>The platform gives <c>data</c> back in clear.</summary>
internal sealed record Secret
{
    public required string Name { get; init; }

    public string? Format { get; init; }

    public string? EntityTag { get; init; }

    public IReadOnlyDictionary<string, string>? Data { get; init; }

    public (string? Instance, string? Record) Marks => (Data?.GetValueOrDefault(CodeEngineNames.Instance), Data?.GetValueOrDefault(CodeEngineNames.Record));

    public override string ToString() => Name;
}

internal sealed record SecretWrite(string? Name, string? Format, IReadOnlyDictionary<string, string> Data)
{
    public override string ToString() => Name ?? "";
}

internal sealed record Project(string Id, string? Name, string? Region, string? Status, string? AccountId, string? Crn);

internal sealed record Destination(string? Name, string? Type, string? CidrBlock);

internal sealed record Next(string? Href, string? Start);

/// <summary>One page of anything; the collection's name differs.</summary>
internal sealed record Page
{
    public Next? Next { get; init; }

    public IReadOnlyList<App>? Apps { get; init; }

    public IReadOnlyList<AppRevision>? Revisions { get; init; }

    public IReadOnlyList<AppInstance>? Instances { get; init; }

    public IReadOnlyList<BuildSettings>? Builds { get; init; }

    public IReadOnlyList<BuildRun>? BuildRuns { get; init; }

    public IReadOnlyList<Secret>? Secrets { get; init; }

    public IReadOnlyList<Destination>? AllowedOutboundDestinations { get; init; }
}

internal sealed record ErrorBody(IReadOnlyList<ErrorItem>? Errors, string? Trace, string? Message, string? ErrorMessage, string? ErrorCode);

internal sealed record ErrorItem(string? Code, string? Message);

internal sealed record TokenReply(
    [property: JsonPropertyName("access_token")] string? AccessToken,
    [property: JsonPropertyName("delegated_refresh_token")] string? DelegatedRefreshToken,
    [property: JsonPropertyName("expires_in")] long? ExpiresIn)
{
    public override string ToString() => "token";
}

internal sealed record IamError(string? ErrorCode, string? ErrorMessage);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Page))]
[JsonSerializable(typeof(App))]
[JsonSerializable(typeof(AppCreate))]
[JsonSerializable(typeof(AppSettings))]
[JsonSerializable(typeof(BuildSettings))]
[JsonSerializable(typeof(BuildRun))]
[JsonSerializable(typeof(Secret))]
[JsonSerializable(typeof(SecretWrite))]
[JsonSerializable(typeof(Project))]
[JsonSerializable(typeof(ErrorBody))]
[JsonSerializable(typeof(TokenReply))]
[JsonSerializable(typeof(JsonElement))]
internal sealed partial class CodeEngineJson : JsonSerializerContext;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IamError))]
internal sealed partial class IamJson : JsonSerializerContext;
