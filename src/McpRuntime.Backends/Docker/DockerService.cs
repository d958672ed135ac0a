using McpRuntime.Core.Compose;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
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

    /// <summary>
    /// <c>repo@sha256:…</c> or an image id. Of what is built here its own tag: should it be made again, of the same commit, it is the
    /// same to the container.
    /// </summary>
    public required string Pin { get; init; }

    public required bool PinIsRegistryDigest { get; init; }

    /// <summary>What makes its image; null: it comes from a registry, or is on the engine.</summary>
    public Resource? Build { get; init; }

    /// <summary>Null until the image is on the engine.</summary>
    public required ImageFacts? Image { get; init; }

    /// <summary>Null keeps the image's own.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    public required IReadOnlyDictionary<string, SecretText> Environment { get; init; }

    /// <summary>The runtime's guardrails, with this service's share of its resources.</summary>
    public required GuardrailsConfig Guardrails { get; init; }

    /// <summary>What was asked to be kept, beyond the image's own volumes.</summary>
    public IReadOnlyList<DockerMount> Volumes { get; init; } = [];

    /// <summary>What only a compose file says; null for a source of one image.</summary>
    public ComposeService? Compose { get; init; }

    /// <summary>Whether it may, or must, end; see <see cref="DockerNames.Ends"/>.</summary>
    public string? Ends { get; init; }
}

/// <param name="Key">What the volume is called by whoever asked for it; its name on the engine derives from it.</param>
/// <param name="Path">Where it is mounted, absolute.</param>
internal sealed record DockerMount(string Key, string Path, bool ReadOnly = false);
