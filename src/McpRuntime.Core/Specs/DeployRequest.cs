using McpRuntime.Core.Guardrails;

namespace McpRuntime.Core.Specs;

/// <summary>A request as it came through a door (REST, a custom resource, Git), before it is checked. Every field may be missing or wrong.</summary>
/// <remarks>Doors map their own shape to this one; <c>Admission</c> alone decides what it means.</remarks>
public sealed record DeployRequest
{
    public string? Name { get; init; }

    public string? Backend { get; init; }

    public SourceRequest? Source { get; init; }

    public string? CatalogServerId { get; init; }

    public string? GuardrailsProfile { get; init; }

    public GuardrailsOverrides? GuardrailsOverrides { get; init; }

    public ResourceRequest? Resources { get; init; }

    /// <summary>Name → literal value or <c>secret://…</c> reference, as sent.</summary>
    public IReadOnlyDictionary<string, SecretText>? Environment { get; init; }

    public IReadOnlyList<string>? Volumes { get; init; }

    public bool? RegisterGateway { get; init; }

    public string? GatewayName { get; init; }

    public string? GatewayTransport { get; init; }

    public int? EndpointPort { get; init; }

    public string? EndpointPath { get; init; }

    public string? Visibility { get; init; }

    public string? TeamId { get; init; }

    public IReadOnlyList<string>? Tags { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

/// <summary>The union of the fields of all three source types, as sent; which are allowed depends on <see cref="Type"/>.</summary>
public sealed record SourceRequest
{
    public string? Type { get; init; }

    public string? Image { get; init; }

    public IReadOnlyList<string>? Command { get; init; }

    public string? Repo { get; init; }

    public string? Ref { get; init; }

    public string? Branch { get; init; }

    public string? Commit { get; init; }

    public string? Dockerfile { get; init; }

    public string? Context { get; init; }

    public IReadOnlyDictionary<string, string>? BuildArgs { get; init; }

    public bool? PushToRegistry { get; init; }

    public string? Registry { get; init; }

    public string? ComposeFile { get; init; }

    public string? Path { get; init; }

    public string? MainService { get; init; }
}
