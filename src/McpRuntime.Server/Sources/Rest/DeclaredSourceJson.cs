using McpRuntime.Core.Manifests;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Settings;
using McpRuntime.Server.Sources.Git;

namespace McpRuntime.Server.Sources.Rest;

/// <param name="LeftBehind">Owners that the settings name no more, and that still own something: an admin may adopt it.</param>
internal sealed record DeclaredSourcesJson(IReadOnlyList<DeclaredSourceJson> Sources, IReadOnlyList<LeftBehind> LeftBehind);

/// <summary>One repository that runtimes are declared in.</summary>
internal sealed record DeclaredSourceJson
{
    public required string Name { get; init; }

    /// <summary><c>git</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>What its runtimes carry as their owner.</summary>
    public required string Owner { get; init; }

    public required string Url { get; init; }

    public required string Ref { get; init; }

    public required string Path { get; init; }

    public required int IntervalSeconds { get; init; }

    public required bool Prune { get; init; }

    public required bool VerifySignatures { get; init; }

    /// <summary>RUNTIME_SOURCE_POLICY: what it may do.</summary>
    public required SourcePolicyJson Policy { get; init; }

    /// <summary>The last good set's; null until there was one.</summary>
    public required string? Commit { get; init; }

    public required DateTimeOffset? AppliedAt { get; init; }

    /// <summary>What the ref pointed to when it was last seen.</summary>
    public required string? SeenCommit { get; init; }

    public required DateTimeOffset? CheckedAt { get; init; }

    /// <summary>What runs may not be what the repository says: the last look failed, or the commit that was seen is not applied.</summary>
    public required bool Stale { get; init; }

    /// <summary>One word for what is wrong; null when nothing is.</summary>
    public required string? Reason { get; init; }

    public required string? Error { get; init; }

    /// <summary>What is wrong in the files of <see cref="SeenCommit"/>.</summary>
    public required IReadOnlyList<ManifestError> Errors { get; init; }

    public required int Failures { get; init; }

    /// <summary>Of the last good set; null until there was one.</summary>
    public required GitCounts? Counts { get; init; }

    /// <summary>Entries of the last good set that could not be applied, by name, and why: another owner's name, a deletion that is not over.</summary>
    public required IReadOnlyList<ValidationError> Conflicts { get; init; }

    /// <summary>Somebody has asked for a look that is still to come.</summary>
    public required bool SyncPending { get; init; }

    public static DeclaredSourceJson Git(GitRepo repo, RuntimeSettings settings, GitSourceRow? row) => new()
    {
        Name = repo.Name,
        Kind = "git",
        Owner = repo.Owner,
        Url = repo.Url,
        Ref = repo.Ref,
        Path = repo.Path,
        IntervalSeconds = (int)repo.Interval.TotalSeconds,
        Prune = repo.Prune,
        VerifySignatures = repo.Signers is not null,
        Policy = SourcePolicyJson.Of(settings.Sources.Policy.GetValueOrDefault(repo.Owner) ?? SourcePolicy.Default),
        Commit = row?.AppliedCommit,
        AppliedAt = Times.From(row?.AppliedAt),
        SeenCommit = row?.SeenCommit,
        CheckedAt = Times.From(row?.CheckedAt),
        Stale = row is not null && (row.Reason is not null || row.SeenCommit != row.AppliedCommit),
        Reason = row?.Reason,
        Error = row?.Error,
        Errors = row?.Errors is { } errors ? RecordsJson.Read<List<ManifestError>>(errors) : [],
        Failures = row?.Failures ?? 0,
        Counts = row?.Counts is { } counts ? RecordsJson.Read<GitCounts>(counts) : null,
        Conflicts = row?.Conflicts is { } conflicts ? RecordsJson.Read<List<ValidationError>>(conflicts) : [],
        SyncPending = row is not null && row.Asked > row.Answered,
    };
}

internal sealed record SourcePolicyJson(string Role, IReadOnlyList<string> Teams, bool Profiles)
{
    public static SourcePolicyJson Of(SourcePolicy policy) => new(RoleNames.Of(policy.Role), policy.Teams, policy.Profiles);
}
