using System.Globalization;
using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// A reference to the one image it means: the registry's digest where it answers, else what the engine has. Pulls nothing. A pin once
/// found stays: a tag that moves later is a new generation's business.
/// </summary>
internal sealed class DockerImageResolver(DockerWire wire, EngineIdentity identity, ImagePins pins, BuildSources builds)
{
    public async Task<Resolution> ResolveAsync(Revision revision, CancellationToken ct)
    {
        if (revision.Spec.Source is Source.GitHub repository)
        {
            return await builds.CommitAsync(repository, revision, ct);
        }

        try
        {
            _ = await identity.VerifyAsync(ct);
            return await (revision.Spec.Source switch
            {
                Source.Docker docker => ImageAsync(docker.Image, revision.Facts, revision.Spec.TeamId, ct),
                Source.Compose { File: not null } compose => ServicesAsync(compose, revision, ct),
                var other => Task.FromResult<Resolution>(Faulted(FaultKind.Refused, "SourceNotSupportedYet", $"A {other.Type} source of this kind cannot be resolved yet.")),
            });
        }
        catch (BackendFault fault)
        {
            return new Resolution.Faulted(fault.Fault);
        }
    }

    /// <param name="known">The pin stays; what the engine now knows of the image is added.</param>
    private async Task<Resolution> ImageAsync(string name, ResolvedFacts? known, string? teamId, CancellationToken ct)
    {
        if (known is not null)
        {
            var image = await wire.InspectImageAsync(known.Pin, ct);
            return new Resolution.Resolved(known with { Image = image is null ? known.Image : FactsOf(image) });
        }

        return ImageReference.TryParse(name, out var reference, out var error)
            ? await pins.FindAsync(reference, teamId, ct)
            : Faulted(FaultKind.Refused, "BadReference", $"The image {error}.");
    }

    /// <summary>
    /// Every service's image, all or none: a runtime whose images are half pinned is not resolved. Asked at once, since each registry
    /// that is away takes its time and an effect has little.
    /// </summary>
    private async Task<Resolution> ServicesAsync(Source.Compose source, Revision revision, CancellationToken ct)
    {
        var images = source.Images.GroupBy(s => s.Value, s => s.Key, StringComparer.Ordinal).ToList();
        var resolutions = await Task.WhenAll(images.Select(image => ImageAsync(image.Key, Known(revision, image.First()), revision.Spec.TeamId, ct)));
        var services = new SortedDictionary<string, ServiceFacts>(StringComparer.Ordinal);
        foreach (var (image, resolution) in images.Zip(resolutions))
        {
            if (resolution.Match<Fault?>(_ => null, faulted => faulted.Fault) is { } fault)
            {
                return new Resolution.Faulted(fault with { Message = $"Service \"{image.First()}\": {fault.Message}" });
            }

            var facts = resolution.Match<ResolvedFacts?>(resolved => resolved.Facts, _ => null)!;
            foreach (var service in image)
            {
                services[service] = new ServiceFacts(facts.Pin, facts.PinIsRegistryDigest, facts.Image);
            }
        }

        var main = services[source.MainService];
        return new Resolution.Resolved(new ResolvedFacts(main.Pin, services.Values.All(s => s.PinIsRegistryDigest), Commit: null, main.Image) { Services = services });
    }

    private static ResolvedFacts? Known(Revision revision, string service) => revision.Facts?.Services?.GetValueOrDefault(service) is { } before
        ? new ResolvedFacts(before.Pin, before.PinIsRegistryDigest, Commit: null, before.Image)
        : null;

    /// <summary>Of a revision whose commit is known: what its build gave.</summary>
    public async Task<Resolution> ResolveBuildAsync(RuntimeIdentity id, string resourceId, BuildBody body, CancellationToken ct)
    {
        try
        {
            _ = await identity.VerifyAsync(ct);
            return await builds.FactsAsync(id, resourceId, body, ct) is { } facts
                ? new Resolution.Resolved(facts)
                : Faulted(FaultKind.Transient, "NotBuiltYet", $"The build {resourceId} has made no image yet.");
        }
        catch (BackendFault fault)
        {
            return new Resolution.Faulted(fault.Fault);
        }
    }

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
        HasHealthcheck = image.Config?.Healthcheck?.Test is { Count: > 0 } and not ["NONE"],
    };
}
