using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Manifests;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Sources.Git;

/// <summary>A set of manifests at one commit → the records of one owner: all that can be wrong with it is found before anything is written.</summary>
internal sealed class GitApply(IDesiredState door, ProfileStore profiles, IAdmissionContexts contexts, GitSourceStates states)
{
    private const int MostNamed = 20;

    /// <exception cref="NotApplied">Nothing was changed.</exception>
    public async Task<(SyncResult Synced, IReadOnlyList<ValidationError> Conflicts)> RunAsync(GitRepo repo, Caller caller, ManifestSet set, string commit, GitWords words, LeaseEpoch epoch, CancellationToken ct)
    {
        await profiles.RefreshAsync(ct);
        var live = await states.LiveNamesAsync(repo.Owner, ct);
        MustNotBeEmpty(repo, set, live.Count, words);
        await CheckAsync(repo, caller, set, ct);
        var absent = live.Except(set.Runtimes.Select(runtime => runtime.Request.Name!), StringComparer.Ordinal).ToList();
        MustNotPruneMany(repo, absent, live.Count, words);

        var synced = await SyncAsync(caller, repo, set, commit, repo.Prune ? [] : absent, epoch, ct);
        await profiles.RefreshAsync(ct);
        return (synced, [.. synced.Conflicts, .. repo.Prune ? await DropProfilesAsync(caller, repo, set, ct) : []]);
    }

    private async Task<SyncResult> SyncAsync(Caller caller, GitRepo repo, ManifestSet set, string commit, IReadOnlyList<string> kept, LeaseEpoch epoch, CancellationToken ct)
    {
        var complete = set.Runtimes.Select(runtime => Put(repo, runtime, commit)).Concat(kept.Select(name => new PutRuntime(new DeployRequest { Name = name }, repo.Owner, MustCreate: false) { Keep = true }));
        try
        {
            // How many go was judged above, against the same records.
            return await door.SyncAsync(
                caller,
                repo.Owner,
                [.. complete],
                new SyncTerms(AllowLargePrune: true, epoch) { Profiles = [.. set.Profiles.Select(profile => new DeclaredProfile(profile.Name, profile.Description, profile.RecommendedBackends, profile.Config))] },
                ct);
        }
        catch (Refusal refusal) when (refusal.Kind is RefusalKind.Invalid or RefusalKind.Forbidden)
        {
            var errors = refusal.Errors.Select(error => Locate(set, error)).OfType<ManifestError>().ToList();
            throw new NotApplied("NotAdmitted", errors.Count == 0 ? refusal.Detail : GitManifests.Tell(errors), errors);
        }
    }

    private static PutRuntime Put(GitRepo repo, RuntimeManifest runtime, string commit) => new(runtime.Request, repo.Owner, MustCreate: false)
    {
        Desired = runtime.State,
        Origin = new RecordOrigin(commit, runtime.Origin.File),
        Keep = runtime.Suspend,
    };

    /// <summary>The door tells of an entry as <c>name.field</c>; names hold dots themselves.</summary>
    private static ManifestError? Locate(ManifestSet set, ValidationError error) => set.Runtimes
        .Where(runtime => error.Path == runtime.Request.Name || error.Path.StartsWith(runtime.Request.Name + ".", StringComparison.Ordinal))
        .MaxBy(runtime => runtime.Request.Name!.Length) is { } found
            ? found.ErrorAt(error with { Path = error.Path.Length > found.Request.Name!.Length ? error.Path[(found.Request.Name.Length + 1)..] : "name" })
            : null;

    private static void MustNotBeEmpty(GitRepo repo, ManifestSet set, int live, GitWords words)
    {
        if (set.Runtimes.Count == 0 && live > 0 && repo.Prune && !repo.AllowEmpty && !words.AllowEmpty)
        {
            throw new NotApplied(
                "Empty",
                $"There is no McpRuntime {GitManifests.Where(repo)}, and {live} runtimes came from there: they stay. If that is meant, POST /runtimes/sources/{repo.Name}/sync with {{\"allow_empty\": true}}, or set allow_empty.");
        }
    }

    private static void MustNotPruneMany(GitRepo repo, List<string> absent, int live, GitWords words)
    {
        // An empty set that was allowed takes everything along: that was the word.
        var most = OwnerSync.MostPruned(live);
        if (!repo.Prune || absent.Count <= most || repo.AllowLargePrune || words.AllowLargePrune || (absent.Count == live && (repo.AllowEmpty || words.AllowEmpty)))
        {
            return;
        }

        var named = string.Join(", ", absent.Take(MostNamed)) + (absent.Count > MostNamed ? $" and {absent.Count - MostNamed} more" : "");
        throw new NotApplied(
            "LargePrune",
            $"{absent.Count} of {live} runtimes are not in the repository any more, and more than {most} do not go without a word: {named}. If that is meant, POST /runtimes/sources/{repo.Name}/sync with {{\"allow_large_prune\": true}}.");
    }

    /// <summary>Rights and rules, with the profiles as they will be: all errors of all manifests, each with its file and line.</summary>
    private async Task CheckAsync(GitRepo repo, Caller caller, ManifestSet set, CancellationToken ct)
    {
        List<ManifestError> errors = [];
        if (set.Profiles.Count > 0)
        {
            var own = (await profiles.OwnedByAsync(repo.Owner, ct)).ToHashSet(StringComparer.Ordinal);
            errors.AddRange(set.Profiles.Select(profile => WhyNot(repo, caller, profile, own)).OfType<ManifestError>());
        }

        var context = contexts.For(caller);
        var declared = set.Profiles.ToDictionary(profile => profile.Name, Preview, StringComparer.Ordinal);
        context = context with { FindProfile = name => declared.GetValueOrDefault(name) ?? profiles.Find(name) };
        foreach (var runtime in set.Runtimes.Where(runtime => !runtime.Suspend))
        {
            errors.AddRange(Admission.Admit(runtime.Request, context).Errors.Select(runtime.ErrorAt));
        }

        if (errors.Count > 0)
        {
            throw new NotApplied("NotAdmitted", GitManifests.Tell(errors), errors);
        }
    }

    /// <summary>Another's profile is not only not taken over: a runtime that names it here means this one, so that nothing is applied.</summary>
    private ManifestError? WhyNot(GitRepo repo, Caller caller, ProfileManifest profile, HashSet<string> own) =>
        !caller.DefinesProfiles && !caller.IsAdmin
            ? profile.ErrorAt(new("name", $"is a guardrails profile, which this source may not define: RUNTIME_SOURCE_POLICY={{\"{repo.Owner}\": {{\"profiles\": true}}}} lets it"))
            : profiles.Find(profile.Name) is not null && !own.Contains(profile.Name)
                ? profile.ErrorAt(new("name", $"is a guardrails profile that was not made from here: choose another name"))
                : null;

    // The version is counted when it is stored; what may run does not depend on it.
    private GuardrailProfile Preview(ProfileManifest profile) =>
        new(profile.Name, profile.Description, profile.RecommendedBackends, profile.Config, BuiltIn: false, profiles.Find(profile.Name)?.Version ?? 1);

    /// <summary>Those that are not declared any more. One that is in use stays until its users are gone, and is told.</summary>
    private async Task<IReadOnlyList<ValidationError>> DropProfilesAsync(Caller caller, GitRepo repo, ManifestSet set, CancellationToken ct)
    {
        List<ValidationError> kept = [];
        foreach (var name in (await profiles.OwnedByAsync(repo.Owner, ct)).Except(set.Profiles.Select(profile => profile.Name), StringComparer.Ordinal))
        {
            try
            {
                await profiles.DeleteAsync(caller, name, ct);
            }
            catch (Refusal refusal) when (refusal.Kind is RefusalKind.Conflict or RefusalKind.Forbidden)
            {
                kept.Add(new(name, refusal.Detail));
            }
        }

        return kept;
    }
}
