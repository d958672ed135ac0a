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
            // Each once a round. Those whose secrets can't be read now take no place from the ones behind them.
            var seen = new List<string>();
            while (left > 0 && await profiles.BehindAsync(profile, left, seen, ct) is { Count: > 0 } behind)
            {
                foreach (var id in behind)
                {
                    if (lease.Current is not { } epoch)
                    {
                        return;
                    }

                    seen.Add(id);
                    left -= await rollOuts.RollOutAsync(epoch, id, profile, ct) ? 1 : 0;
                }
            }

            if (left <= 0)
            {
                return;
            }
        }
    }
}
