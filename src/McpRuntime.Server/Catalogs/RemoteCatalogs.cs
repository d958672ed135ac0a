using McpRuntime.Core.Catalog;
using McpRuntime.Core.Records;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Catalogs;

/// <summary>What this replica has in memory of the remote catalogs: read from the database, never fetched here.</summary>
internal sealed partial class RemoteCatalogs(CatalogSettings settings, CatalogCopies copies, TimeProvider time, ILogger<RemoteCatalogs> logger) : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, (long Version, string? Content)> _read = new(StringComparer.Ordinal);

    private volatile IReadOnlyList<CatalogSource> _sources =
        [.. settings.RemoteUrls.Select(url => new CatalogSource { Origin = url.AbsoluteUri, Trusted = settings.TrustedUrls.Contains(url.AbsoluteUri, StringComparer.Ordinal) })];

    /// <summary>In the order of the settings. Another list whenever anything in it changed.</summary>
    public IReadOnlyList<CatalogSource> Sources => _sources;

    /// <summary>The copies of the last run are there from the first request on, whether their URLs answer or not.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await LookAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(LookEvery, time);
        while (settings.RemoteUrls.Count > 0 && await timer.WaitForNextTickAsync(stoppingToken))
        {
            await LookAsync(stoppingToken);
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        if (settings.RemoteUrls.Count == 0)
        {
            return;
        }

        try
        {
            var versions = await copies.VersionsAsync(ct);
            foreach (var url in settings.RemoteUrls.Where(url => versions.TryGetValue(url.AbsoluteUri, out var version) && _read.GetValueOrDefault(url.AbsoluteUri).Version != version))
            {
                if (await copies.FindAsync(url, ct) is { } row)
                {
                    Take(row);
                }
            }
        }
        catch (Refusal away)
        {
            // What is in memory stays, as it does for routes.
            Log.Away(logger, away.Detail);
        }
    }

    private void Take(CatalogCopyRow row)
    {
        var before = _sources.First(source => source.Origin == row.Url);
        var source = before with
        {
            ReadAt = Times.From(row.ReadAt),
            CheckedAt = Times.From(row.CheckedAt),
            Error = row.Error,
            Note = row.Note,
        };
        if (row.Content is { } content && !string.Equals(content, _read.GetValueOrDefault(row.Url).Content, StringComparison.Ordinal))
        {
            var document = CatalogParser.Parse(content, row.Url);
            source = source with { Entries = document.Entries, Skipped = document.Skipped };
        }

        _read[row.Url] = (row.Version, row.Content);
        _sources = [.. _sources.Select(other => other == before ? source : other)];
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Debug, Message = "The copies of the remote catalogs could not be read: {Why}")]
        public static partial void Away(ILogger logger, string why);
    }
}
