using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Backends.Git;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>A tag to its digest, by its registry; a ref to its commit, and once that is built to the digest of what was pushed.</summary>
internal sealed class CodeEngineResolver(IGit git, RegistryDigests digests, CodeEngineBuilds builds, BuildAdmission admission)
{
    /// <param name="build">What builds this revision, when it is a repository whose commit is known.</param>
    public async Task<Resolution> ResolveAsync(Revision revision, BuildSettings? build, CancellationToken ct)
    {
        try
        {
            return await revision.Spec.Source.Match(
                docker => ImageAsync(docker, revision, ct),
                repository => RepositoryAsync(repository, revision, build, ct),
                _ => Task.FromResult<Resolution>(Faulted(new Fault(FaultKind.Refused, "SourceNotSupported", "A compose source can't run on Code Engine."))));
        }
        catch (BackendFault fault)
        {
            return Faulted(fault.Fault);
        }
    }

    private async Task<Resolution> ImageAsync(Source.Docker docker, Revision revision, CancellationToken ct)
    {
        if (revision.Facts is { } known)
        {
            return new Resolution.Resolved(known);
        }

        if (!ImageReference.TryParse(docker.Image, out var image, out var error))
        {
            return Faulted(new Fault(FaultKind.Refused, "BadReference", $"The image {error}."));
        }

        if (image.Digest is not null)
        {
            return Pinned(image.ToString());
        }

        // The pin is what is approved and deployed; a tag that its registry does not explain to us is not run.
        return Pinned($"{image.Name}@{await digests.FindAsync(image, revision.Spec.TeamId, ct)}");
    }

    private async Task<Resolution> RepositoryAsync(Source.GitHub repository, Revision revision, BuildSettings? build, CancellationToken ct)
    {
        if (revision.Facts is { PinIsRegistryDigest: true } pinned)
        {
            return new Resolution.Resolved(pinned);
        }

        if (revision.Facts is not { Commit: { } commit } || build is null)
        {
            commit = await git.ResolveAsync(repository.Repo, revision.Spec.TeamId, repository.Ref, ct);

            // Before the commit is anybody's fact: what is not judged has none, and is not built.
            await admission.JudgeAsync(repository, revision.Spec.TeamId, commit, ct);
            return new Resolution.Resolved(new ResolvedFacts($"{repository.Repo}@{commit}", PinIsRegistryDigest: false, commit, Image: null));
        }

        // Stored by this very turn: the finished run is gone in an hour or three.
        return await builds.DigestAsync(build, ct) is { } digest && ImageReference.TryParse(build.OutputImage, out var image, out _)
            ? new Resolution.Resolved(new ResolvedFacts($"{image.Name}@{digest}", PinIsRegistryDigest: true, commit, Image: null))
            : Faulted(new Fault(FaultKind.Transient, "NotBuiltYet", $"The build {build.Name} has not told a digest yet."));
    }

    private static Resolution.Resolved Pinned(string pin) => new(new ResolvedFacts(pin, PinIsRegistryDigest: true, Commit: null, Image: null));

    private static Resolution.Faulted Faulted(Fault fault) => new(fault);
}
