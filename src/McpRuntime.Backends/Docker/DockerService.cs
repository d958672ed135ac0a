using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>One container to be of a runtime, whatever kind of source it comes from. A source of one image has one, without a name.</summary>
internal sealed record DockerService
{
    /// <summary>Null: the runtime has this one only.</summary>
    public string? Name { get; init; }

    /// <summary>As it was asked for, for messages.</summary>
    public required string Reference { get; init; }

    /// <summary><c>repo@sha256:…</c> or an image id.</summary>
    public required string Pin { get; init; }

    public required bool PinIsRegistryDigest { get; init; }

    /// <summary>Null until the image is on the engine.</summary>
    public required ImageFacts? Image { get; init; }

    /// <summary>Null keeps the image's own.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    public required IReadOnlyDictionary<string, SecretText> Environment { get; init; }

    /// <summary>The runtime's guardrails, with this service's share of its resources.</summary>
    public required GuardrailsConfig Guardrails { get; init; }

    /// <summary>Absolute paths that were asked to be kept, beyond the image's own.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];
}
