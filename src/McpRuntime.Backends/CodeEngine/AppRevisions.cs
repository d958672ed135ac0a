using System.Globalization;
using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>What an app leaves behind at each change. A project holds 120 of them, and the platform is not known to remove any.</summary>
internal sealed class AppRevisions(CodeEngineWire wire)
{
    /// <summary>The platform numbers an app's revisions from here; one that has made no other has nothing to remove.</summary>
    private const string First = "-00001";

    /// <summary>Removes those that are neither the newest nor serve.</summary>
    /// <returns>How many went.</returns>
    public async Task<int> PruneAsync(App app, IReadOnlyList<AppRevision> all, CancellationToken ct)
    {
        string?[] needed = [app.StatusDetails?.LatestCreatedRevision, app.StatusDetails?.LatestReadyRevision];
        var gone = 0;

        // An app that does not say which is its newest is left alone.
        foreach (var old in needed[0] is null ? [] : all.Where(r => !needed.Contains(r.Name, StringComparer.Ordinal)))
        {
            await wire.DeleteRevisionAsync(app.Name, old.Name, ct);
            gone++;
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
        catch (BackendFault fault) when (fault.Fault.Reason == CodeEngineWire.QuotaExceeded)
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
        foreach (var app in (await wire.AppsAsync(ct)).Where(a => a.Marks is { Record: not null } marks && marks.Instance == id.InstanceId && HasHistory(a)))
        {
            if (await PruneAsync(app, await wire.RevisionsAsync(app.Name, ct), ct) > 0)
            {
                return true;
            }
        }

        return false;
    }

    private static bool HasHistory(App app) => app.StatusDetails?.LatestCreatedRevision?.EndsWith(First, ignoreCase: false, CultureInfo.InvariantCulture) != true;
}
