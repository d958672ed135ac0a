using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Settings;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Sources.Git;

/// <summary>What is known of each repository, in the database: the leader writes it, every replica shows it, a restart keeps it.</summary>
internal sealed class GitSourceStates(Database database, TimeProvider time)
{
    public Task<List<GitSourceRow>> ListAsync(CancellationToken ct) =>
        database.ReadAsync((db, stop) => db.GitSources.OrderBy(row => row.Name).ToListAsync(stop), ct);

    /// <summary>Null: never looked at.</summary>
    public Task<GitSourceRow?> FindAsync(string name, CancellationToken ct) =>
        database.ReadAsync((db, stop) => db.GitSources.FirstOrDefaultAsync(row => row.Name == name, stop), ct);

    /// <summary>The owner's live records that are not going: what a set is held against.</summary>
    public Task<List<string>> LiveNamesAsync(string owner, CancellationToken ct) =>
        database.ReadAsync(
            (db, stop) => db.Runtimes.Where(row => row.Owner == owner && row.DeletedAt == null && !row.DeleteRequested).OrderBy(row => row.Name).Select(row => row.Name).ToListAsync(stop),
            ct);

    /// <param name="answered">How many of the syncs that were asked for this look has seen.</param>
    /// <returns>False: another process leads by now.</returns>
    public Task<bool> SaveAsync(GitRepo repo, GitLook look, long answered, LeaseEpoch epoch, CancellationToken ct)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return database.WriteAsync(
            async (db, stop) =>
            {
                if (!await LeaseFence.HoldsAsync(db, epoch, database.IsSqlite, stop))
                {
                    return false;
                }

                var row = await RowAsync(db, repo, stop);
                (row.CheckedAt, row.Answered) = (now, Math.Max(row.Answered, answered));
                look.Match(unchanged => Seen(row, unchanged.Commit), applied => Write(row, applied, now), failed => Write(row, failed));
                return true;
            },
            ct);
    }

    /// <summary>Asks for a look now, and keeps what was allowed with it. Whoever leads sees it within a second or two.</summary>
    /// <returns>The number of the question; it is answered when <see cref="GitSourceRow.Answered"/> has reached it.</returns>
    public Task<long> AskAsync(GitRepo repo, Caller caller, GitWords words, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        return database.WriteAsync(
            async (db, stop) =>
            {
                var row = await RowAsync(db, repo, stop);
                var commit = words.Commit.Length > 0 ? words.Commit : row.SeenCommit ?? "";
                if (words is not { AllowEmpty: false, AllowLargePrune: false, AllowRewrite: false })
                {
                    row.Words = RecordsJson.Write(words with { Commit = commit });
                }

                new Change(RecordId.New(now), caller, now).Audit(db, "source.sync", repo.Owner, after: row.Words);
                return ++row.Asked;
            },
            ct);
    }

    private static async Task<GitSourceRow> RowAsync(RecordsDb db, GitRepo repo, CancellationToken ct)
    {
        var row = await db.GitSources.FirstOrDefaultAsync(row => row.Name == repo.Name, ct) ?? db.GitSources.Add(new GitSourceRow { Name = repo.Name }).Entity;
        row.Version++;
        (row.Url, row.Ref, row.Path) = (repo.Url, repo.Ref, repo.Path);
        return row;
    }

    private static bool Seen(GitSourceRow row, string? commit)
    {
        (row.SeenCommit, row.Reason, row.Error, row.Errors, row.Failures) = (commit, null, null, null, 0);
        return true;
    }

    private static bool Write(GitSourceRow row, GitLook.Applied applied, long now)
    {
        (row.AppliedCommit, row.AppliedTerms, row.AppliedAt) = (applied.Commit, applied.Terms, now);
        (row.Counts, row.Conflicts) = (RecordsJson.Write(applied.Counts), applied.Conflicts.Count == 0 ? null : RecordsJson.Write(applied.Conflicts));
        row.Words = null;
        return Seen(row, applied.Commit);
    }

    private static bool Write(GitSourceRow row, GitLook.Failed failed)
    {
        row.SeenCommit = failed.Commit ?? row.SeenCommit;
        (row.Reason, row.Error, row.Errors) = (failed.Reason, failed.Message, failed.Errors.Count == 0 ? null : RecordsJson.Write(failed.Errors));
        row.Failures++;
        return true;
    }
}
