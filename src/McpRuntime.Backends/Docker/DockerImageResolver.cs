using System.Globalization;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// A reference to the one image it means: the registry's digest where it answers, else what the engine has. Pulls nothing. A pin once
/// found stays: a tag that moves later is a new generation's business.
/// </summary>
internal sealed class DockerImageResolver(DockerWire wire, EngineIdentity identity, DockerOptions options, RegistryCredentials credentials)
{
    public async Task<Resolution> ResolveAsync(Revision revision, CancellationToken ct)
    {
        if (revision.Spec.Source.Match<Source.Docker?>(docker => docker, _ => null, _ => null) is not { } source)
        {
            return Faulted(FaultKind.Refused, "SourceNotSupportedYet", $"A {revision.Spec.Source.Type} source cannot be resolved yet.");
        }

        try
        {
            _ = await identity.VerifyAsync(ct);
            if (revision.Facts is { } known)
            {
                var image = await wire.InspectImageAsync(known.Pin, ct);
                return new Resolution.Resolved(known with { Image = image is null ? known.Image : FactsOf(image) });
            }

            return ImageReference.TryParse(source.Image, out var reference, out var error)
                ? await PinAsync(reference, revision.Spec.TeamId, ct)
                : Faulted(FaultKind.Refused, "BadReference", $"The image {error}.");
        }
        catch (BackendFault fault)
        {
            return new Resolution.Faulted(fault.Fault);
        }
    }

    private async Task<Resolution> PinAsync(ImageReference reference, string? teamId, CancellationToken ct)
    {
        var local = await wire.InspectImageAsync(reference.ToString(), ct);
        Fault trouble;
        try
        {
            var login = await credentials.FindAsync(reference.ToString(), teamId, ct);
            if (await wire.RegistryDigestAsync(reference.ToString(), login, options.RegistryTimeout, ct) is { } digest)
            {
                var pin = $"{reference.Name}@{digest}";
                var pulled = await wire.InspectImageAsync(pin, ct);
                return Resolved(pin, isDigest: true, pulled);
            }

            trouble = new Fault(FaultKind.Refused, "ImageNotFound", $"The registry has no {reference}.");
        }
        catch (BackendFault fault)
        {
            trouble = fault.Fault;
        }

        return local is null ? Nowhere(reference, trouble) : OfLocal(reference, local, trouble);
    }

    /// <summary>
    /// The registry did not say, and the engine has it. An image that came from that registry is not handed to those whom the registry
    /// turns away; one that was built or loaded here never had to ask.
    /// </summary>
    private static Resolution OfLocal(ImageReference reference, ImageInspect local, Fault trouble)
    {
        var digest = (local.RepoDigests ?? []).Select(ImageNames.Normalise)
            .FirstOrDefault(d => d.StartsWith(reference.Name + "@", StringComparison.Ordinal) && (reference.Digest is null || d == reference.ToString()));
        if (digest is null)
        {
            return Resolved(local.Id, isDigest: false, local);
        }

        return trouble.Kind == FaultKind.Unauthorized
            ? Faulted(FaultKind.Refused, "ImageAccessDenied", $"The engine holds {reference}, but its registry does not let this runtime have it: {trouble.Message} Add credentials to RUNTIME_REGISTRY_CREDENTIALS.")
            : Resolved(digest, isDigest: true, local);
    }

    private static Resolution.Faulted Nowhere(ImageReference reference, Fault trouble) => trouble.Kind switch
    {
        FaultKind.Refused => Faulted(FaultKind.Refused, "ImageNotFound", $"{reference} is neither in its registry nor on the engine: {trouble.Message} Check the name and the tag."),
        FaultKind.Unauthorized => Faulted(
            FaultKind.Refused, "ImageNotFound", $"{reference} is not on the engine, and its registry denies it (there is no such image, or it wants credentials: RUNTIME_REGISTRY_CREDENTIALS): {trouble.Message}"),
        FaultKind.Throttled => new(trouble),
        FaultKind.Transient => Faulted(
            FaultKind.Transient, "RegistryUnreachable", $"{reference} is not on the engine, and its registry {reference.Registry} could not be asked: {trouble.Message} Load the image into the engine, or make the registry reachable."),
    };

    private static Resolution.Resolved Resolved(string pin, bool isDigest, ImageInspect? image) =>
        new(new ResolvedFacts(pin, isDigest, Commit: null, image is null ? null : FactsOf(image)));

    private static Resolution.Faulted Faulted(FaultKind kind, string reason, string message) => new(new Fault(kind, reason, message));

    internal static ImageFacts FactsOf(ImageInspect image) => new(
        image.Id,
        image.Config?.User ?? "",
        [
            .. (image.Config?.ExposedPorts?.Keys ?? [])
                .Where(p => p.EndsWith("/tcp", StringComparison.Ordinal) || !p.Contains('/', StringComparison.Ordinal))
                .Select(p => int.TryParse(p.Split('/')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : 0)
                .Where(p => p is > 0 and < 65_536)
                .Order(),
        ],
        [.. (image.Config?.Volumes?.Keys ?? []).Order(StringComparer.Ordinal)],
        image.Config?.Entrypoint ?? [],
        image.Config?.Cmd ?? [],
        image.Architecture ?? "")
    {
        Environment = image.Config?.Env ?? [],
    };
}
