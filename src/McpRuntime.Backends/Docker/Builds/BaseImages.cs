using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Dockerfiles;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>
/// The images that a Dockerfile stands on: pinned before anybody approves the build, and on the engine and looked at before it begins.
/// An image may carry ONBUILD instructions, which the engine runs as if they stood in the file: an ADD of theirs is fetched from the
/// engine's own network, a COPY --from of theirs from any registry, past all that was read of the file.
/// </summary>
internal sealed class BaseImages(DockerWire wire, DockerOptions options, ImagePins pins, RegistryCredentials credentials)
{
    /// <returns>By reference: a registry's digest, or the engine's id of an image that no registry has.</returns>
    /// <exception cref="BackendFault">One is outside the allowed registries, or nowhere.</exception>
    public async Task<IReadOnlyDictionary<string, string>> PinAsync(Dockerfile dockerfile, string? teamId, CancellationToken ct)
    {
        dockerfile.StandOnlyOn(options.AllowedRegistries);
        var uses = dockerfile.Images.DistinctBy(use => use.Image.ToString(), StringComparer.Ordinal).ToList();
        var found = await Task.WhenAll(uses.Select(use => pins.FindAsync(use.Image, teamId, ct)));
        return new SortedDictionary<string, string>(
            uses.Zip(found).ToDictionary(
                pair => pair.First.Image.ToString(),
                pair => pair.Second.Match(
                    resolved => resolved.Facts.Pin,
                    faulted => throw new BackendFault(faulted.Fault with { Message = $"Dockerfile:{pair.First.Line}: {faulted.Fault.Message}" }))),
            StringComparer.Ordinal);
    }

    /// <exception cref="BackendFault">One can't be had, is of another platform than its FROM asks for, or would run instructions of its own.</exception>
    public async Task FetchAsync(Dockerfile dockerfile, IReadOnlyDictionary<string, string> pinned, string? teamId, CancellationToken ct)
    {
        foreach (var use in dockerfile.Images)
        {
            var pin = pinned.GetValueOrDefault(use.Image.ToString()) ?? throw Dockerfile.Bad(use.Line, $"{use.Image} was not among the images that were pinned for this commit");
            var image = await wire.InspectImageAsync(pin, ct) ?? await PullAsync(pin, teamId, ct);
            if (use.Base is { } from)
            {
                MustBeInert(use, image);
                MustBeOf(from.Platform, use, image);
            }
        }
    }

    private async Task<ImageInspect> PullAsync(string pin, string? teamId, CancellationToken ct)
    {
        if (!ImageReference.TryParse(pin, out var image, out _) || image.Digest is null)
        {
            throw new BackendFault(new Fault(FaultKind.Refused, "BaseImageNotFound", $"The base image {pin} is not on the engine any more, and no registry has it. Load it into the engine, and upgrade the runtime to pin what is there."));
        }

        await foreach (var line in wire.PullAsync(image.Name, image.Digest, await credentials.FindAsync(pin, teamId, ct), options.PullTimeout, options.PullIdle, ct))
        {
            // How far it has come is not told: the build's own steps are.
        }

        return await wire.InspectImageAsync(pin, ct) ?? throw new BackendFault(new Fault(FaultKind.Transient, "BaseImageUnreachable", $"The base image {pin} was pulled and is not on the engine."));
    }

    private static void MustBeInert(ImageUse use, ImageInspect image)
    {
        if (image.Config?.OnBuild is { Count: > 0 } triggers)
        {
            throw Dockerfile.Bad(use.Line, $"{use.Image} carries ONBUILD instructions of its own ({Quoted.Of(triggers[0])}), which would run in the build unread; use an image without, and write them into the Dockerfile");
        }
    }

    private static void MustBeOf(string? platform, ImageUse use, ImageInspect image)
    {
        if (platform is null)
        {
            return;
        }

        var parts = platform.Split('/');
        if (!parts[0].Equals(image.Os, StringComparison.OrdinalIgnoreCase) || (parts.Length > 1 && !parts[1].Equals(image.Architecture, StringComparison.OrdinalIgnoreCase)))
        {
            throw Dockerfile.Bad(use.Line, $"{use.Image} is asked for of the platform {Quoted.Of(platform)}, and this engine has it of {image.Os}/{image.Architecture}; write the FROM without --platform");
        }
    }
}
