using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Catalog;

/// <summary>A deployable (or only listed) entry of a catalog, whatever format it was read from.</summary>
/// <param name="Origin"><c>file</c> or the URL of the remote catalog it came from.</param>
/// <param name="Source">Null: listed, not deployable; <see cref="NotDeployableBecause"/> says why.</param>
public sealed record CatalogEntry
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public string? Description { get; init; }

    public string? Category { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];

    public string? Icon { get; init; }

    public string? DocumentationUrl { get; init; }

    public bool Deprecated { get; init; }

    public bool Featured { get; init; }

    public SourceRequest? Source { get; init; }

    public string? NotDeployableBecause { get; init; }

    /// <summary>Empty: every backend that can run the source.</summary>
    public IReadOnlyList<string> SupportedBackends { get; init; } = [];

    public string? GuardrailsProfile { get; init; }

    public bool RequiresApproval { get; init; }

    public int? EndpointPort { get; init; }

    public string? EndpointPath { get; init; }

    public GatewayTransport? Transport { get; init; }

    public IReadOnlyList<CatalogVariable> Environment { get; init; } = [];

    /// <summary>Hosts the server needs; null = the entry says nothing.</summary>
    public IReadOnlyList<string>? AllowedHosts { get; init; }

    /// <summary>The server needs no network at all: egress is closed unless the caller asks for it.</summary>
    public bool DisableNetwork { get; init; }

    /// <summary>Absolute paths it keeps data at; applied when the caller names none.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    public required string Origin { get; init; }

    /// <summary>Written by someone else than this installation's admins: it may tighten, and nothing more.</summary>
    public bool IsRemote => Origin != LocalOrigin;

    public const string LocalOrigin = "file";
}

/// <param name="Default">Applied when the caller sends nothing; null when there is none.</param>
public sealed record CatalogVariable(string Name, bool Required, bool Secret, string? Default, string? Description);
