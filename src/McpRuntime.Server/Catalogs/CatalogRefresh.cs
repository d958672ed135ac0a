using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Catalogs;

/// <summary>Keeps the copy of one remote catalog fresh. The leader runs one of these a URL, so that a URL that hangs holds up only itself.</summary>
internal sealed partial class CatalogRefresh(Uri url, CatalogSettings settings, CatalogFetch fetch, CatalogCopies copies, ILease lease, TimeProvider time, ILogger<CatalogRefresh> logger)
{
    /// <summary>After a first failure; doubling up to the interval.</summary>
    private static readonly TimeSpan SoonAgain = TimeSpan.FromSeconds(15);

    private LeaseEpoch? _epoch;
    private DateTimeOffset _next;

    public async Task RunAsync(CancellationToken ct)
    {
        // Another leader may have looked meanwhile: its word is in the database.
        var epoch = lease.Current;
        if (epoch is null || (epoch == _epoch && time.GetUtcNow() < _next))
        {
            return;
        }

        var before = await copies.FindAsync(url, ct);
        _epoch = epoch;
        _next = before is null ? time.GetUtcNow() : DateTimeOffset.FromUnixTimeMilliseconds(before.CheckedAt) + Pause(before.Failures);
        if (time.GetUtcNow() < _next)
        {
            return;
        }

        var fetched = await fetch.GetAsync(url, before?.Content is null ? null : before.Etag, ct);
        Tell(fetched, before?.Failures ?? 0);
        await copies.SaveAsync(url, fetched, ct);
        _next = time.GetUtcNow() + Pause(fetched is Fetched.Failed ? (before?.Failures ?? 0) + 1 : 0);
    }

    private TimeSpan Pause(int failures)
    {
        var soon = SoonAgain * Math.Pow(2, Math.Clamp(failures - 1, 0, 20));
        return failures > 0 && soon < settings.RemoteInterval ? soon : settings.RemoteInterval;
    }

    /// <summary>A catalog that stays away is told once, and when it is back.</summary>
    private void Tell(Fetched fetched, int failuresBefore)
    {
        if (fetched is Fetched.Failed { Why: var why } && failuresBefore == 0)
        {
            Log.Failed(logger, url, why);
        }
        else if (fetched is not Fetched.Failed && failuresBefore > 0)
        {
            Log.Back(logger, url, failuresBefore);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "The remote catalog {Url} could not be read: {Why}. Its last good copy stays, marked stale")]
        public static partial void Failed(ILogger logger, Uri url, string why);

        [LoggerMessage(Level = LogLevel.Information, Message = "The remote catalog {Url} is read again after {Failures} failures")]
        public static partial void Back(ILogger logger, Uri url, int failures);
    }
}
