using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Git;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>The two facts of a build: the commit, before it; and the image, after it.</summary>
internal sealed class BuildSources(DockerWire wire, IGit git)
{
    /// <summary>A commit once found stays: a branch that moves is a new generation's business.</summary>
    public async Task<Resolution> CommitAsync(Source.GitHub source, Revision revision, CancellationToken ct)
    {
        if (revision.Facts is { } known)
        {
            return new Resolution.Resolved(known);
        }

        try
        {
            var commit = await git.ResolveAsync(source.Repo, revision.Spec.TeamId, source.Ref, ct);
            return new Resolution.Resolved(new ResolvedFacts($"{source.Repo}@{commit}", PinIsRegistryDigest: false, commit, Image: null));
        }
        catch (BackendFault fault)
        {
            return new Resolution.Faulted(fault.Fault);
        }
    }

    /// <summary>What came out of it. Null: it is not there.</summary>
    public async Task<ResolvedFacts?> FactsAsync(RuntimeIdentity id, string resourceId, BuildBody body, CancellationToken ct)
    {
        if (await wire.InspectImageAsync(BuildNames.Image(id, resourceId), ct) is not { } live)
        {
            return null;
        }

        var pushed = body.PushName(id) is { } name ? (live.RepoDigests ?? []).Select(ImageNames.Normalise).FirstOrDefault(d => d.StartsWith(name + "@", StringComparison.Ordinal)) : null;
        return new ResolvedFacts(pushed ?? live.Id, pushed is not null, body.Commit, DockerImageResolver.FactsOf(live));
    }
}
