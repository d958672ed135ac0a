using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Dockerfiles;
using McpRuntime.Backends.Git;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>The facts of a build: the commit and what it stands on, before it; and the image, after it.</summary>
internal sealed class BuildSources(DockerWire wire, IGit git, BaseImages bases, TimeProvider time)
{
    private readonly DockerfileReadings<IReadOnlyDictionary<string, string>> _readings =
        new(git, DockerfileBuilder.Classic, (dockerfile, team) => bases.PinAsync(dockerfile, team, CancellationToken.None), time);

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
            var pinned = await _readings.ReadAsync(source, revision.Spec.TeamId, commit, ct);
            return new Resolution.Resolved(new ResolvedFacts($"{source.Repo}@{commit}", PinIsRegistryDigest: false, commit, Image: null) { Bases = pinned });
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
        return new ResolvedFacts(pushed ?? live.Id, pushed is not null, body.Commit, DockerImageResolver.FactsOf(live)) { Bases = body.Bases };
    }
}
