using McpRuntime.Core.Catalog;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Sources.Rest;

/// <param name="Skipped">What could not be read: of which source, where, and why.</param>
/// <param name="Duplicates">Entries that another source's entry of the same id stands before.</param>
internal sealed record CatalogJson(IReadOnlyList<CatalogEntryJson> CatalogServers, int Total, IReadOnlyList<SkippedEntryJson> Skipped, IReadOnlyList<DuplicateEntry> Duplicates);

internal sealed record SkippedEntryJson(string Origin, string Path, int Line, string Message)
{
    public static SkippedEntryJson Of(string origin, SkippedEntry entry) => new(origin, entry.Path, entry.Line, entry.Reason);
}

/// <param name="Kind"><c>file</c> or <c>remote</c>.</param>
/// <param name="State"><c>pending</c>, <c>ok</c>, <c>stale</c> (the last look failed, an earlier one's entries stand) or <c>failed</c> (it never gave anything).</param>
internal sealed record CatalogSourceJson(
    string Origin,
    string Kind,
    CatalogSourceState State,
    bool Trusted,
    int Entries,
    int Skipped,
    int Duplicates,
    DateTimeOffset? ReadAt,
    DateTimeOffset? CheckedAt,
    string? Error,
    string? Note)
{
    public static CatalogSourceJson Of(CatalogSource source, ICatalog catalog) => new(
        source.Origin,
        source.Origin == CatalogEntry.LocalOrigin ? "file" : "remote",
        source.State,
        source.Trusted,
        source.Entries.Count,
        source.Skipped.Count,
        catalog.Duplicates.Count(duplicate => duplicate.Origin == source.Origin),
        source.ReadAt,
        source.CheckedAt,
        source.Error,
        source.Note);
}

internal sealed record CatalogSourcesJson(IReadOnlyList<CatalogSourceJson> Sources);

internal sealed record CatalogEntryJson
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string? Description { get; init; }

    public required string? Category { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }

    public required string? Icon { get; init; }

    public required string? DocumentationUrl { get; init; }

    public required bool Deprecated { get; init; }

    public required bool Featured { get; init; }

    public required bool Deployable { get; init; }

    public required string? NotDeployableBecause { get; init; }

    public required string? SourceType { get; init; }

    public required SourceRequest? Source { get; init; }

    public required IReadOnlyList<string> SupportedBackends { get; init; }

    public required string? GuardrailsProfile { get; init; }

    public required bool RequiresApproval { get; init; }

    public required int? EndpointPort { get; init; }

    public required string? EndpointPath { get; init; }

    public required string? Transport { get; init; }

    public required IReadOnlyList<CatalogVariableJson> Environment { get; init; }

    public required IReadOnlyList<string>? AllowedHosts { get; init; }

    public required bool DisableNetwork { get; init; }

    public required IReadOnlyList<string> Volumes { get; init; }

    public required string Origin { get; init; }

    /// <summary>The last look at its source failed: this is what an earlier one gave.</summary>
    public required bool Stale { get; init; }

    public static CatalogEntryJson Of(CatalogEntry entry, bool stale) => new()
    {
        Id = entry.Id,
        Name = entry.Name,
        Description = entry.Description,
        Category = entry.Category,
        Tags = entry.Tags,
        Icon = entry.Icon,
        DocumentationUrl = entry.DocumentationUrl,
        Deprecated = entry.Deprecated,
        Featured = entry.Featured,
        Deployable = entry.Source is not null,
        NotDeployableBecause = entry.NotDeployableBecause,
        SourceType = entry.Source?.Type,
        Source = entry.Source,
        SupportedBackends = entry.SupportedBackends,
        GuardrailsProfile = entry.GuardrailsProfile,
        RequiresApproval = entry.RequiresApproval,
        EndpointPort = entry.EndpointPort,
        EndpointPath = entry.EndpointPath,
        Transport = entry.Transport is { } transport ? TransportWord.Of(transport) : null,
        Environment = [.. entry.Environment.Select(variable =>
            new CatalogVariableJson(variable.Name, variable.Required, variable.Secret, variable.Secret && variable.Default is not null ? "***" : variable.Default, variable.Description))],
        AllowedHosts = entry.AllowedHosts,
        DisableNetwork = entry.DisableNetwork,
        Volumes = entry.Volumes,
        Origin = entry.Origin,
        Stale = stale,
    };
}

internal sealed record CatalogVariableJson(string Name, bool Required, bool Secret, string? Default, string? Description);
