using System.Text;
using System.Text.Json;
using McpRuntime.Core.Catalog;

namespace McpRuntime.Server.Catalogs;

/// <summary>One look at one remote catalog: a file, or the pages of an MCP registry joined into one.</summary>
internal sealed class CatalogFetch(CatalogWire wire)
{
    /// <summary>Of a hundred servers each: as many entries as one catalog may have.</summary>
    private const int MostPages = CatalogParser.MostEntries / PageSize;

    private const int PageSize = 100;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64 };

    public async Task<Fetched> GetAsync(Uri url, string? etag, CancellationToken ct)
    {
        try
        {
            var first = await wire.GetAsync(Asked(url, cursor: null), etag, CatalogWire.MaxBytes, ct);
            return first.Text is null ? new Fetched.Unchanged()
                : NextOf(first.Text) is { } cursor ? Judged(await PagesAsync(url, first.Text, cursor, ct), url)
                : Judged(new Fetched.Copy(first.Text, first.ETag), url);
        }
        catch (CatalogUnreachableException fault)
        {
            return new Fetched.Failed(fault.Message);
        }
    }

    /// <summary>A text that gives no entry at all is no catalog: the last good copy is worth more.</summary>
    private static Fetched Judged(Fetched.Copy copy, Uri url)
    {
        var document = CatalogParser.Parse(copy.Text, url.AbsoluteUri);
        return document is { Entries.Count: 0, Skipped: [var first, ..] } ? new Fetched.Failed($"nothing in it can be read: {first.Path}: {first.Message}") : copy;
    }

    private async Task<Fetched.Copy> PagesAsync(Uri url, string text, string cursor, CancellationToken ct)
    {
        var joined = new StringBuilder("""{"servers":[""");
        Append(joined, text, page: 1);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        string? note = null;
        string? next = cursor;
        for (var page = 2; next is not null; page++)
        {
            if (!seen.Add(next))
            {
                throw new CatalogUnreachableException($"page {page} leads back to one that was read: its cursors go in a circle");
            }

            if (page > MostPages)
            {
                note = $"more than {MostPages} pages: the rest was not read";
                break;
            }

            var reply = await wire.GetAsync(Asked(url, next), etag: null, CatalogWire.MaxBytes - joined.Length, ct);
            Append(joined, reply.Text!, page);
            next = NextOf(reply.Text!);
        }

        // No tag: a first page that is the same says nothing of the others.
        return new Fetched.Copy(joined.Append("]}").ToString(), ETag: null, note);
    }

    private static void Append(StringBuilder joined, string text, int page)
    {
        try
        {
            using var document = JsonDocument.Parse(text, Strict);
            foreach (var server in document.RootElement.GetProperty("servers").EnumerateArray())
            {
                joined.Append(joined[^1] == '[' ? "" : ",\n").Append(server.GetRawText());
            }
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new CatalogUnreachableException($"page {page} is not a registry's page: a JSON object with \"servers\" was expected");
        }
    }

    /// <summary>The cursor of the next page; null at the end, and for what is no registry's page.</summary>
    private static string? NextOf(string text)
    {
        if (!text.AsSpan().TrimStart().StartsWith("{"))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(text, Strict);
            return document.RootElement.TryGetProperty("servers", out _)
                && document.RootElement.TryGetProperty("metadata", out var metadata) && metadata.ValueKind is JsonValueKind.Object
                && (metadata.TryGetProperty("nextCursor", out var next) || metadata.TryGetProperty("next_cursor", out next))
                && next.ValueKind is JsonValueKind.String && next.GetString() is { Length: > 0 and <= 2048 } cursor
                    ? cursor
                    : null;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Of a registry the latest versions are asked for: the others could not be told apart by their ids.</summary>
    private static Uri Asked(Uri url, string? cursor)
    {
        var path = url.AbsolutePath.TrimEnd('/');
        var isRegistry = path.EndsWith("/v0.1/servers", StringComparison.Ordinal) || path.EndsWith("/v0/servers", StringComparison.Ordinal);
        if (!isRegistry && cursor is null)
        {
            return url;
        }

        var query = isRegistry ? $"limit={PageSize}&version=latest" : "";
        query += cursor is null ? "" : $"{(query.Length > 0 ? "&" : "")}cursor={Uri.EscapeDataString(cursor)}";
        return new UriBuilder(url) { Query = query }.Uri;
    }
}
