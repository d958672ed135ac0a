using McpRuntime.Backends.Registries;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>A tag to its digest, by its registry; what the settings say is on the nodes already, to its name.</summary>
internal sealed class KubernetesResolver(RegistryDigests digests, KubernetesOptions options)
{
    public async Task<Resolution> ResolveAsync(Revision revision, CancellationToken ct)
    {
        if (revision.Facts is { } known)
        {
            return new Resolution.Resolved(known);
        }

        if (revision.Spec.Source is not Source.Docker docker)
        {
            return Refused("SourceNotSupported", $"A {revision.Spec.Source.Type} source can't run on Kubernetes.");
        }

        if (!ImageReference.TryParse(docker.Image, out var image, out var error))
        {
            return Refused("BadReference", $"The image {error}.");
        }

        try
        {
            return image.Digest is not null ? Pinned(image.ToString(), isDigest: true)
                : options.LocalImages.Any(image.IsWithin) ? Pinned(image.ToString(), isDigest: false)
                : Pinned($"{image.Name}@{await digests.FindAsync(image, revision.Spec.TeamId, ct)}", isDigest: true);
        }
        catch (BackendFault fault)
        {
            return new Resolution.Faulted(fault.Fault);
        }
    }

    private static Resolution.Resolved Pinned(string pin, bool isDigest) => new(new ResolvedFacts(pin, isDigest, Commit: null, Image: null));

    private static Resolution.Faulted Refused(string reason, string message) => new(new Fault(FaultKind.Refused, reason, message));
}
