using System.Security.Cryptography;
using System.Text;
using McpRuntime.Backends;
using McpRuntime.Backends.Git;
using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Sources.Git;

/// <summary>
/// One repository. The leader looks at it again and again: where is the ref, is that commit applied, can it be? Level, not edge: what
/// is applied is read from the database, so that a crash, another leader or a lost answer costs a look and nothing else.
/// </summary>
internal sealed partial class GitSource(GitRepo repo, SourcePolicy policy, IGit git, GitSourceParts parts, ILogger<GitSource> logger)
{
    /// <summary>After a first failure; doubling up to the interval.</summary>
    private static readonly TimeSpan SoonAgain = TimeSpan.FromSeconds(5);

    /// <summary>A commit that can't be applied is judged again this often: a profile, a catalog, a name may have changed.</summary>
    private static readonly TimeSpan JudgedAgain = TimeSpan.FromMinutes(5);

    /// <summary>Which history it is: the first half of the terms.</summary>
    private readonly string _place = Hash(repo.Url, repo.Ref);

    private readonly string _terms = $"{Hash(repo.Url, repo.Ref)}.{Hash([repo.Path, $"{repo.Prune}", $"{repo.Signers}", $"{policy.Role}", $"{policy.Profiles}", .. policy.Teams])}";

    private DateTimeOffset _next;

    private (string Commit, DateTimeOffset At)? _refused;

    public async Task RunAsync(CancellationToken ct)
    {
        if (parts.Lease.Current is not { } epoch)
        {
            return;
        }

        var row = await parts.States.FindAsync(repo.Name, ct);
        var asked = row is not null && row.Asked > row.Answered;
        if (!asked && parts.Time.GetUtcNow() < _next)
        {
            return;
        }

        var look = await LookAsync(row, asked, epoch, ct);
        if (await parts.States.SaveAsync(repo, look, row?.Asked ?? 0, epoch, ct))
        {
            Tell(look, row);
        }

        _next = parts.Time.GetUtcNow() + Pause(look, row?.Failures ?? 0);
    }

    private async Task<GitLook> LookAsync(GitSourceRow? row, bool asked, LeaseEpoch epoch, CancellationToken ct)
    {
        string? commit = null;
        try
        {
            commit = await git.ResolveAsync(repo.Url, teamId: null, repo.Ref, ct);
            if (!asked && commit == row?.AppliedCommit && _terms == row.AppliedTerms && row.Conflicts is null)
            {
                return new GitLook.Unchanged(commit);
            }

            return !asked && commit == _refused?.Commit && row is { Reason: not null, Error: not null } && parts.Time.GetUtcNow() < _refused.Value.At + JudgedAgain
                ? new GitLook.Failed(commit, row.Reason, row.Error, row.Errors is null ? [] : RecordsJson.Read<List<Core.Manifests.ManifestError>>(row.Errors))
                : await ApplyAsync(row, commit, epoch, ct);
        }
        catch (NotApplied fault)
        {
            _refused = (commit!, parts.Time.GetUtcNow());
            return fault.At(commit!);
        }
        catch (BackendFault fault)
        {
            return new GitLook.Failed(commit, fault.Fault.Reason, fault.Fault.Message, []);
        }
        catch (Refusal refusal) when (refusal.Kind != RefusalKind.Unavailable)
        {
            return new GitLook.Failed(commit, "Refused", refusal.Detail, []);
        }
    }

    private async Task<GitLook> ApplyAsync(GitSourceRow? row, string commit, LeaseEpoch epoch, CancellationToken ct)
    {
        var said = row?.Words is { } json ? RecordsJson.Read<GitWords>(json) : GitWords.None;
        var words = said.Commit == commit ? said : GitWords.None;
        await MustFollowAsync(row, commit, words, ct);
        using var checkout = await git.CheckOutAsync(repo.Url, teamId: null, commit, ct);
        var (set, files) = await GitManifests.ReadAsync(checkout, repo, ct);
        var (synced, conflicts) = await parts.Apply.RunAsync(repo, policy.CallerOf(repo.Owner), set, commit, words, epoch, ct);
        var counts = new GitCounts(
            files, set.Runtimes.Count, set.Profiles.Count, set.Ignored, set.Runtimes.Count(runtime => runtime.Suspend), synced.Created, synced.Changed, synced.Unchanged, synced.Deleted);
        return new GitLook.Applied(commit, _terms, counts, conflicts);
    }

    /// <summary>A history that was rewritten is not followed by itself: what it left out may have been the guardrails. Another ref in the settings is another history, and meant.</summary>
    private async Task MustFollowAsync(GitSourceRow? row, string commit, GitWords words, CancellationToken ct)
    {
        if (row?.AppliedCommit is { } before && before != commit && row.AppliedTerms!.StartsWith(_place, StringComparison.Ordinal) && !words.AllowRewrite
            && !await git.DescendsFromAsync(repo.Url, teamId: null, commit, before, ct))
        {
            throw new NotApplied(
                "Rewritten",
                $"{repo.Ref} was moved to {commit}, which does not have the applied commit {before} in its history: it was rewritten. If that is meant, POST /runtimes/sources/{repo.Name}/sync with {{\"allow_rewrite\": true}}.");
        }
    }

    private TimeSpan Pause(GitLook look, int failuresBefore)
    {
        var soon = SoonAgain * Math.Pow(2, Math.Clamp(failuresBefore, 0, 20));
        return look is GitLook.Failed && soon < repo.Interval ? soon : repo.Interval;
    }

    /// <summary>Told once, and again when it is another trouble or over.</summary>
    private void Tell(GitLook look, GitSourceRow? before) => look.Match<object?>(
        unchanged =>
        {
            if (before?.Reason is not null)
            {
                Log.Back(logger, repo.Name, unchanged.Commit);
            }

            return null;
        },
        applied =>
        {
            Log.Applied(logger, repo.Name, applied.Commit, applied.Counts.Created, applied.Counts.Changed, applied.Counts.Deleted, applied.Conflicts.Count);
            return null;
        },
        failed =>
        {
            if (before?.Error != failed.Message)
            {
                Log.Failed(logger, repo.Name, failed.Reason, failed.Message);
            }

            return null;
        });

    private static string Hash(params IEnumerable<string> parts) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts))));

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Git source {Name}: {Commit} is applied: {Created} created, {Changed} changed, {Deleted} deleted, {Conflicts} conflicts")]
        public static partial void Applied(ILogger logger, string name, string commit, int created, int changed, int deleted, int conflicts);

        [LoggerMessage(Level = LogLevel.Information, Message = "Git source {Name}: in order again, at {Commit}")]
        public static partial void Back(ILogger logger, string name, string commit);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Git source {Name}: {Reason}: {Why} The last good set stays")]
        public static partial void Failed(ILogger logger, string name, string reason, string why);
    }
}

/// <summary>What every repository's loop works with.</summary>
internal sealed record GitSourceParts(GitSourceStates States, GitApply Apply, ILease Lease, TimeProvider Time);
