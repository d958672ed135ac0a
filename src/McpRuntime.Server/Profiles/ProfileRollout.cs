using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records;

namespace McpRuntime.Server.Profiles;

/// <summary>Brings the users of an edited profile on, a few at a time. Level, not edge: who is behind is read from the rows, so that a crash or a late replica loses nobody.</summary>
internal sealed class ProfileRollout(ProfileStore profiles, RollOuts rollOuts, ILease lease)
{
    /// <summary>A round: an edit that breaks servers is seen on the first few before it has reached all.</summary>
    private const int AtOnce = 10;

    public async Task RunAsync(CancellationToken ct)
    {
        await profiles.RefreshAsync(ct);
        var left = AtOnce;
        foreach (var profile in profiles.List().Where(profile => !profile.BuiltIn))
        {
            var behind = await profiles.BehindAsync(profile, left, ct);
            foreach (var id in behind)
            {
                if (lease.Current is not { } epoch)
                {
                    return;
                }

                await rollOuts.RollOutAsync(epoch, id, profile, ct);
            }

            left -= behind.Count;
            if (left <= 0)
            {
                return;
            }
        }
    }
}
