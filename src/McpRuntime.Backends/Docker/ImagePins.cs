using System.Collections.Concurrent;
using System.Globalization;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>The one image that a reference means now: the registry's digest where it answers, else what the engine has. Pulls nothing.</summary>
/// <remarks>
/// On a site without a way out a registry's name may time out instead of being refused. Such a registry is not waited for by every
/// deploy: for a while what the engine has of it counts at once, and what it has not is asked for all the same.
/// </remarks>
internal sealed class ImagePins(DockerWire wire, DockerOptions options, RegistryCredentials credentials, TimeProvider time)
{
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan NotAskedFor = TimeSpan.FromSeconds(30);

    /// <summary>By registry and team: what a team may have is asked with its own credentials.</summary>
    private readonly ConcurrentDictionary<(string Registry, string? Team), Silence> _silent = new();

    public async Task<Resolution> FindAsync(ImageReference reference, string? teamId, CancellationToken ct)
    {
        if (await MirroredAsync(reference, teamId, ct) is { } mirrored)
        {
            return mirrored;
        }

        var local = await wire.InspectImageAsync(reference.ToString(), ct);
        if (local is not null && SilenceOf(reference, teamId) is { } silence)
        {
            return OfLocal(reference, local, silence.Trouble);
        }

        Fault trouble;
        try
        {
            if (await FromRegistryAsync(reference, teamId, ct) is { } resolved)
            {
                return resolved;
            }

            trouble = new Fault(FaultKind.Refused, "ImageNotFound", $"The registry has no {reference}.");
        }
        catch (BackendFault fault)
        {
            trouble = fault.Fault;
        }

        return local is null ? Nowhere(reference, trouble) : OfLocal(reference, local, trouble);
    }

    private async Task<Resolution?> FromRegistryAsync(ImageReference reference, string? teamId, CancellationToken ct)
    {
        var login = await credentials.FindAsync(reference.ToString(), teamId, ct);
        if (await AskAsync(reference, teamId, login, ct) is not { } digest)
        {
            return null;
        }

        var pin = $"{reference.Name}@{digest}";
        return Resolved(pin, isDigest: true, await wire.InspectImageAsync(pin, ct));
    }

    private async Task<string?> AskAsync(ImageReference reference, string? teamId, RegistryLogin? login, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        try
        {
            var digest = await wire.RegistryDigestAsync(reference.ToString(), login, options.RegistryTimeout, ct);
            _ = _silent.TryRemove((reference.Registry, teamId), out _);
            return digest;
        }
        catch (BackendFault fault) when (fault.Fault.Kind is FaultKind.Transient && (fault.Fault.Reason == "EngineTimeout" || time.GetElapsedTime(began) >= Slow))
        {
            Remember(reference, teamId, fault.Fault);
            throw;
        }
        catch (OperationCanceledException) when (time.GetElapsedTime(began) >= Slow)
        {
            // An effect's own time was up before the registry's: the next try must not end the same way.
            var words = $"The registry {reference.Registry} had not answered after {time.GetElapsedTime(began).TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s.";
            Remember(reference, teamId, new Fault(FaultKind.Transient, "RegistrySilent", words));
            throw;
        }
    }

    private void Remember(ImageReference reference, string? teamId, Fault trouble) => _silent[(reference.Registry, teamId)] = new Silence(trouble, time.GetTimestamp());

    private Silence? SilenceOf(ImageReference reference, string? teamId) =>
        _silent.TryGetValue((reference.Registry, teamId), out var silence) && time.GetElapsedTime(silence.Since) < NotAskedFor ? silence : null;

    /// <summary>The pin then names the mirror, since that is where the engine has it from. One that does not answer, or has it not, is passed over.</summary>
    private async Task<Resolution?> MirroredAsync(ImageReference reference, string? teamId, CancellationToken ct)
    {
        foreach (var there in options.Mirrors.Select(m => m.There(reference)).OfType<ImageReference>().Where(m => SilenceOf(m, teamId) is null))
        {
            try
            {
                if (await FromRegistryAsync(there, teamId, ct) is { } resolved)
                {
                    return resolved;
                }
            }
            catch (BackendFault)
            {
                // The registry itself is asked next, and says what is wrong if anything is.
            }
        }

        return null;
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
        new(new ResolvedFacts(pin, isDigest, Commit: null, image is null ? null : DockerImageResolver.FactsOf(image)));

    private static Resolution.Faulted Faulted(FaultKind kind, string reason, string message) => new(new Fault(kind, reason, message));

    /// <param name="Since">A timestamp of the time provider.</param>
    private sealed record Silence(Fault Trouble, long Since);
}
