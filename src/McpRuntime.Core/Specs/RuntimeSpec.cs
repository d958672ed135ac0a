using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;

namespace McpRuntime.Core.Specs;

/// <summary>How the server itself speaks. What is registered in a gateway is always HTTP.</summary>
public enum GatewayTransport
{
    Sse,
    StreamableHttp,
    Stdio,
}

public enum Visibility
{
    /// <summary>Any authenticated caller; never anonymous.</summary>
    Public,
    Team,

    /// <summary>Its creator and admins.</summary>
    Private,
}

/// <summary>What should run, validated and normalised: the content of one generation of a record.</summary>
/// <remarks>Made by <c>Admission</c> only. Two specs are the same when their <see cref="SpecHash"/> is.</remarks>
public sealed record RuntimeSpec
{
    public required Source Source { get; init; }

    /// <summary>The catalog entry this was deployed from, as it stood then; a later change of the catalog changes nothing that runs.</summary>
    public CatalogEntry? Catalog { get; init; }

    public required string GuardrailsProfile { get; init; }

    /// <summary>Only the fields the caller sent.</summary>
    public GuardrailsOverrides? GuardrailsOverrides { get; init; }

    public ResourceRequest? Resources { get; init; }

    public IReadOnlyDictionary<string, EnvironmentValue> Environment { get; init; } = new SortedDictionary<string, EnvironmentValue>(StringComparer.Ordinal);

    /// <summary>Absolute paths inside the container that are kept in named volumes.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    public bool RegisterGateway { get; init; } = true;

    /// <summary>The name under which the gateway offers it; null means the record's name.</summary>
    public string? GatewayName { get; init; }

    /// <summary>Null: inferred by probing, streamable HTTP first.</summary>
    public GatewayTransport? GatewayTransport { get; init; }

    /// <summary>Null: the image's one exposed port, else the profile's first ingress port.</summary>
    public int? EndpointPort { get; init; }

    /// <summary>Null: found by probing <c>/mcp</c>, <c>/</c>, <c>/sse</c>.</summary>
    public string? EndpointPath { get; init; }

    public Visibility Visibility { get; init; }

    public string? TeamId { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];

    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new SortedDictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>The caller's own limits, merged over the profile's. Text as sent; <c>null</c> keeps the profile's.</summary>
/// <param name="Cpu">Cores: <c>0.5</c> or <c>500m</c>.</param>
/// <param name="Memory">Bytes: <c>512m</c>, <c>512Mi</c>, <c>1g</c> (all binary units, as Docker's).</param>
/// <param name="TimeoutSeconds">Longest request, seconds.</param>
public sealed record ResourceRequest(string? Cpu, string? Memory, int? MaxPids, int? MinScale, int? MaxScale, int? TimeoutSeconds);
