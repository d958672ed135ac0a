using McpRuntime.Core.Catalog;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Catalogs;

/// <summary>
/// The entries of RUNTIME_CATALOG_FILE. The file is looked at every two seconds and read when it changed; while it cannot be
/// read, or holds no catalog, the last good copy stays and says why.
/// </summary>
internal sealed partial class FileCatalog(CatalogSettings settings, TimeProvider time, ILogger<FileCatalog> logger) : BackgroundService
{
    private const int MaxBytes = 5 << 20;

    // Looking is one stat. Watches are not used: they miss what a mounted ConfigMap does (a swapped symlink).
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);

    private volatile CatalogSource? _source = settings.File is null ? null : new CatalogSource { Origin = CatalogEntry.LocalOrigin, Trusted = true };
    private (DateTime WrittenAt, long Length) _seen;

    /// <summary>Null where no file is set. Another object whenever anything of it changed.</summary>
    public CatalogSource? Source => _source;

    /// <summary>The first read is part of the start: what serves, serves the catalog.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await LookAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(LookEvery, time);
        while (settings.File is not null && await timer.WaitForNextTickAsync(stoppingToken))
        {
            await LookAsync(stoppingToken);
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        if (settings.File is not { } path || _source is not { } before)
        {
            return;
        }

        try
        {
            // Of the file itself, not of a link to it.
            var file = new FileInfo(path);
            file = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
            var seen = (file.LastWriteTimeUtc, file.Length);
            if (seen == _seen)
            {
                return;
            }

            if (file.Length > MaxBytes)
            {
                throw new IOException($"it is larger than {MaxBytes >> 20} MiB");
            }

            Take(CatalogParser.Parse(await File.ReadAllTextAsync(file.FullName, ct), CatalogEntry.LocalOrigin), before, path);
            _seen = seen;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // What comes back may be the same file.
            _seen = default;
            Keep(before, path, fault.Message);
        }
    }

    private void Take(CatalogDocument document, CatalogSource before, string path)
    {
        if (document is { Entries.Count: 0, Skipped: [var first, ..] } && before.Entries.Count > 0)
        {
            Keep(before, path, $"nothing in it can be read: {first.Path}: {first.Message}");
            return;
        }

        var now = time.GetUtcNow();
        _source = before with { Entries = document.Entries, Skipped = document.Skipped, ReadAt = now, CheckedAt = now, Error = null };
        Log.Read(logger, path, document.Entries.Count, document.Skipped.Count);
        foreach (var skipped in document.Skipped)
        {
            Log.Skipped(logger, path, skipped.Path, skipped.Message);
        }
    }

    /// <summary>Told once: it is looked at every two seconds.</summary>
    private void Keep(CatalogSource before, string path, string why)
    {
        if (before.Error != why)
        {
            _source = before with { CheckedAt = time.GetUtcNow(), Error = why };
            Log.KeptLastGood(logger, path, why, before.Entries.Count);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Catalog {Path}: {Entries} entries, {Skipped} skipped")]
        public static partial void Read(ILogger logger, string path, int entries, int skipped);

        [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Catalog {Path}: {Place} skipped: {Reason}")]
        public static partial void Skipped(ILogger logger, string path, string place, string reason);

        [LoggerMessage(EventId = 3, Level = LogLevel.Error, Message = "Catalog {Path}: {Reason}; its last {Entries} entries stay")]
        public static partial void KeptLastGood(ILogger logger, string path, string reason, int entries);
    }
}
