using System.Text.Json.Serialization;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>A runtime as this API shows it.</summary>
internal sealed record RuntimeJson
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Owner { get; init; }

    public required string Backend { get; init; }

    public required string SourceType { get; init; }

    public required SourceJson Source { get; init; }

    public required RuntimeStatus Status { get; init; }

    public required string ApprovalStatus { get; init; }

    public required string? ApprovalId { get; init; }

    public required DesiredState DesiredState { get; init; }

    public required long Generation { get; init; }

    public required long ObservedGeneration { get; init; }

    /// <summary>The generation that traffic goes to; null until one serves.</summary>
    public required long? Revision { get; init; }

    /// <summary>Why an operator holds it stopped; null when nobody does.</summary>
    public required string? Hold { get; init; }

    public required string? RuntimeRef { get; init; }

    public required string? EndpointUrl { get; init; }

    public required string? Image { get; init; }

    public required string? ImageDigest { get; init; }

    public required string? Commit { get; init; }

    /// <summary>Where it is declared: the file and the commit that brought its present content. Null for what came through this API.</summary>
    public required RecordOrigin? Origin { get; init; }

    public required string? GatewayId { get; init; }

    public required string? CatalogServerId { get; init; }

    public required string GuardrailsProfile { get; init; }

    public required GuardrailsConfig Guardrails { get; init; }

    /// <summary>Fields that are looser than the baseline.</summary>
    public required IReadOnlyList<string> GuardrailsLoosened { get; init; }

    public required IReadOnlyList<GuardrailWarning> GuardrailsWarnings { get; init; }

    public required IReadOnlyList<ControlReport> GuardrailsReport { get; init; }

    public required ResourceGuardrails ResourceLimits { get; init; }

    /// <summary>Names only: every value is <c>***</c>.</summary>
    public required IReadOnlyDictionary<string, string> Environment { get; init; }

    public required IReadOnlyList<string> Volumes { get; init; }

    public required IReadOnlyList<ConditionJson> Conditions { get; init; }

    public required ServerInfoJson? ServerInfo { get; init; }

    public required int Restarts { get; init; }

    public required string? ErrorMessage { get; init; }

    public required Visibility Visibility { get; init; }

    public required string? TeamId { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }

    public required IReadOnlyDictionary<string, string> Metadata { get; init; }

    public required string CreatedBy { get; init; }

    public required string? ApprovedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    public required DateTimeOffset? LastStatusCheck { get; init; }

    public static RuntimeJson Of(RuntimeView view) => new()
    {
        Id = view.Id,
        Name = view.Name,
        Owner = view.Owner,
        Backend = view.Backend,
        SourceType = view.Spec.Source.Type,
        Source = SourceJson.Of(view.Spec.Source),
        Status = view.Status,
        ApprovalStatus = view.ApprovalStatus,
        ApprovalId = view.ApprovalId,
        DesiredState = view.Desired,
        Generation = view.Generation,
        ObservedGeneration = view.ObservedGeneration,
        Revision = view.ServingGeneration,
        Hold = view.Hold,
        RuntimeRef = view.Display.RuntimeRef,
        EndpointUrl = view.Display.EndpointUrl,
        Image = view.Display.Image ?? view.Spec.Source.Match<string?>(docker => docker.Image, _ => null, _ => null),
        ImageDigest = view.Display.ImageDigest,
        Commit = view.Facts?.Commit,
        Origin = view.Origin,
        GatewayId = view.Display.GatewayId,
        CatalogServerId = view.Spec.Catalog?.Id,
        GuardrailsProfile = view.Guardrails.Profile,
        Guardrails = view.Guardrails.Config,
        GuardrailsLoosened = view.Guardrails.Loosened,
        GuardrailsWarnings = view.Display.GuardrailsWarnings,
        GuardrailsReport = view.Display.GuardrailsReport,
        ResourceLimits = view.Guardrails.Config.Resources,
        Environment = view.Spec.Environment.Keys.ToDictionary(name => name, _ => "***", StringComparer.Ordinal),
        Volumes = view.Spec.Volumes,
        Conditions = [.. view.Conditions.Select(ConditionJson.Of)],
        ServerInfo = ServerInfoJson.Of(view.Display.Server, view.Conditions),
        Restarts = view.Display.Restarts,
        ErrorMessage = view.ErrorMessage,
        Visibility = view.Spec.Visibility,
        TeamId = view.Spec.TeamId,
        Tags = view.Spec.Tags,
        Metadata = view.Spec.Metadata,
        CreatedBy = view.CreatedBy,
        ApprovedBy = view.ApprovedBy,
        CreatedAt = view.CreatedAt,
        UpdatedAt = view.UpdatedAt,
        LastStatusCheck = view.LastStatusCheck,
    };
}

/// <summary>The fields of one source type; those of the others are left out. Build arguments show their names only.</summary>
internal sealed record SourceJson
{
    public required string Type { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Image { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Command { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Repo { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Ref { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Dockerfile { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Context { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string>? BuildArgs { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? PushToRegistry { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Registry { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Path { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? MainService { get; init; }

    /// <summary>True: the compose file came inline. Its text may hold secrets and is not given back.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? Inline { get; init; }

    public static SourceJson Of(Source source) => source.Match(
        docker => new SourceJson { Type = docker.Type, Image = docker.Image, Command = docker.Command },
        gitHub => new SourceJson
        {
            Type = gitHub.Type,
            Repo = gitHub.Repo,
            Ref = gitHub.Ref,
            Dockerfile = gitHub.Dockerfile,
            Context = gitHub.Context,
            BuildArgs = gitHub.BuildArgs.Keys.ToDictionary(name => name, _ => "***", StringComparer.Ordinal),
            PushToRegistry = gitHub.PushToRegistry,
            Registry = gitHub.Registry,
        },
        compose => new SourceJson
        {
            Type = compose.Type,
            Inline = compose.File is not null,
            Repo = compose.Repo,
            Ref = compose.Ref,
            Path = compose.Path,
            MainService = compose.MainService,
        });
}

/// <param name="Type">CamelCase as in Kubernetes: <c>GatewayRegistered</c>.</param>
/// <param name="Status"><c>True</c>, <c>False</c> or <c>Unknown</c>.</param>
internal sealed record ConditionJson(string Type, string Status, string Reason, string Message, long ObservedGeneration, DateTimeOffset LastTransitionTime)
{
    public static ConditionJson Of(Condition condition) => new(
        condition.Type.ToString(),
        condition.Status.ToString(),
        condition.Reason,
        condition.Message,
        condition.ObservedGeneration,
        condition.LastTransitionTime);
}

/// <param name="ToolsHash">Over the tools' names, descriptions, schemas and annotations; GET …/tools shows them.</param>
/// <param name="ToolsDrifted">They are not the ones that were accepted of this generation.</param>
internal sealed record ServerInfoJson(string? Name, string? Version, string? ProtocolVersion, IReadOnlyList<string> Tools, string? ToolsHash, bool ToolsDrifted)
{
    public static ServerInfoJson? Of(Handshake? handshake, IReadOnlyList<Condition> conditions) =>
        handshake is { Verdict: HandshakeVerdict.Passed }
            ? new ServerInfoJson(handshake.ServerName, handshake.ServerVersion, handshake.ProtocolVersion, handshake.Tools ?? [], handshake.ToolsHash, conditions.Any(c => c is { Type: ConditionType.ToolsDrifted, Status: ConditionStatus.True }))
            : null;
}
