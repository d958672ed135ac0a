using McpRuntime.Core.Catalog;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Catalogs;

/// <summary>
/// The entries of RUNTIME_CATALOG_FILE. The file is looked at every two seconds and read when it changed; while it cannot be
/// read, or holds no catalog, the last good copy stays.
/// </summary>
internal sealed partial class FileCatalog(CatalogSettings settings, TimeProvider time, ILogger<FileCatalog> logger) : BackgroundService, ICatalog
{
    private const string Origin = "file";
    private const int MaxBytes = 5 << 20;

    // Looking is one stat. Watches are not used: they miss what a mounted ConfigMap does (a swapped symlink).
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);

    private volatile Loaded _loaded = Loaded.Nothing;
    private (DateTime WrittenAt, long Length) _seen;

    public IReadOnlyList<CatalogEntry> Entries => _loaded.Entries;

    public IReadOnlyList<ValidationError> Skipped => _loaded.Skipped;

    public CatalogEntry? Find(string id) => _loaded.ById.GetValueOrDefault(id);

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
        if (settings.File is not { } path)
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

            Load(await File.ReadAllTextAsync(file.FullName, ct), path);
            _seen = seen;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            Log.Unreadable(logger, path, fault.Message, _loaded.Entries.Count);
        }
    }

    private void Load(string text, string path)
    {
        var parsed = CatalogParser.Parse(text, Origin);
        if (parsed.Entries.Count == 0 && parsed.Skipped.Count > 0 && _loaded.Entries.Count > 0)
        {
            Log.KeptLastGood(logger, path, parsed.Skipped[0].Path, parsed.Skipped[0].Message, _loaded.Entries.Count);
            return;
        }

        _loaded = Loaded.Of(parsed.Entries, parsed.Skipped);
        Log.Read(logger, path, _loaded.Entries.Count, _loaded.Skipped.Count);
        foreach (var skipped in _loaded.Skipped)
        {
            Log.Skipped(logger, path, skipped.Path, skipped.Message);
        }
    }

    private sealed record Loaded(IReadOnlyList<CatalogEntry> Entries, IReadOnlyList<ValidationError> Skipped, IReadOnlyDictionary<string, CatalogEntry> ById)
    {
        public static readonly Loaded Nothing = new([], [], new Dictionary<string, CatalogEntry>(StringComparer.Ordinal));

        /// <summary>The first entry of an id wins; the others are listed as skipped.</summary>
        public static Loaded Of(IReadOnlyList<CatalogEntry> entries, IReadOnlyList<ValidationError> skipped)
        {
            var byId = new Dictionary<string, CatalogEntry>(StringComparer.Ordinal);
            var twice = entries.Where(entry => !byId.TryAdd(entry.Id, entry)).Select(entry => new ValidationError(entry.Id, "is there twice; the first one counts")).ToList();
            return new Loaded([.. byId.Values], [.. skipped, .. twice], byId);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Catalog {Path}: {Entries} entries, {Skipped} skipped")]
        public static partial void Read(ILogger logger, string path, int entries, int skipped);

        [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Catalog {Path}: {Place} skipped: {Reason}")]
        public static partial void Skipped(ILogger logger, string path, string place, string reason);

        [LoggerMessage(EventId = 3, Level = LogLevel.Error, Message = "Catalog {Path} holds nothing readable ({Place}: {Reason}); its last {Entries} entries stay")]
        public static partial void KeptLastGood(ILogger logger, string path, string place, string reason, int entries);

        [LoggerMessage(EventId = 4, Level = LogLevel.Error, Message = "Catalog {Path} cannot be read ({Reason}); its last {Entries} entries stay")]
        public static partial void Unreadable(ILogger logger, string path, string reason, int entries);
    }
}
