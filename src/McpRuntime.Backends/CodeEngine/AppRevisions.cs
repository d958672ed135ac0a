using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>What an app leaves behind at each change. A project holds 120 of them, and the platform is not known to remove any.</summary>
internal sealed class AppRevisions(CodeEngineWire wire)
{
    /// <summary>The platform numbers an app's revisions from here; one that has made no other has nothing to remove.</summary>
    private const string First = "-00001";

    /// <summary>At a change: more would take longer than an effect may. The others go at the next ones.</summary>
    private const int AtOnce = 5;

    /// <summary>Removes some of those that are older than the newest and do not serve. Tidying, on which nothing waits: what can't be removed now is left.</summary>
    /// <param name="app">As it was before it was changed; what was made since is newer than its newest.</param>
    /// <returns>How many went.</returns>
    public async Task<int> PruneAsync(App app, CancellationToken ct)
    {
        var gone = 0;

        // An app that does not say which is its newest is left alone.
        if (app.StatusDetails is not { LatestCreatedRevision: { } newest } status || IsFirst(newest))
        {
            return gone;
        }

        try
        {
            var old = (await wire.RevisionsAsync(app.Name, ct)).Where(r => r.Name != status.LatestReadyRevision && string.CompareOrdinal(r.Name, newest) < 0);
            foreach (var revision in old.Take(AtOnce))
            {
                await wire.DeleteRevisionAsync(app.Name, revision.Name, ct);
                gone++;
            }
        }
        catch (BackendFault)
        {
            // The platform is asked no more for now.
        }

        return gone;
    }

    /// <summary>Makes an app or a revision; where the quota is used up, what is surplus among all our apps makes room first, once.</summary>
    public async Task<Written> WithRoomAsync(RuntimeIdentity id, Func<Task<Written>> write, CancellationToken ct)
    {
        try
        {
            return await write();
        }
        catch (BackendFault fault) when (CodeEngineWire.IsOfRevisions(fault.Fault))
        {
            if (await MakeRoomAsync(id, ct))
            {
                return await write();
            }

            throw;
        }
    }

    /// <summary>The first app with any that are surplus is enough: one write needs one place.</summary>
    private async Task<bool> MakeRoomAsync(RuntimeIdentity id, CancellationToken ct)
    {
        foreach (var app in (await wire.AppsAsync(ct)).Where(a => a.Marks is { Record: not null } marks && marks.Instance == id.InstanceId))
        {
            if (await PruneAsync(app, ct) > 0)
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsFirst(string revision) => revision.EndsWith(First, StringComparison.Ordinal);
}
