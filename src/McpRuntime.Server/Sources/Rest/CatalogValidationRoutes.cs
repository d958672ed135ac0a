using System.Text;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Access;
using McpRuntime.Server.Catalogs;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>POST /runtimes/catalog/validate: for those who write catalogs. The body is the catalog itself, YAML or JSON, in any format that is read here.</summary>
internal static class CatalogValidationRoutes
{
    private const int MaxBytes = 5 << 20;

    /// <summary>Names nobody: what is remote has some URL that nobody trusts.</summary>
    private const string SomewhereElse = "https://catalog.invalid/";

    private static readonly QueryParameter<string?> ReadAs = Query.Choice("as", ["file", "remote"], "Judged as RUNTIME_CATALOG_FILE (default) or as a remote catalog that is not trusted.");

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static void MapCatalogValidation(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/catalog/validate", ValidateAsync).Needs(Roles.Viewer).Takes(ReadAs)
            .WithSummary("Says what a catalog would come to here; changes nothing")
            // Whatever a client calls it: curl calls every file a form.
            .Accepts<string>("*/*").Produces<CatalogValidationJson>();

    private static async Task<IResult> ValidateAsync(HttpContext http, CatalogReview review, CancellationToken ct)
    {
        var text = await TextAsync(http.Request, ct);
        var origin = http.Asked(ReadAs) == "remote" ? SomewhereElse : CatalogEntry.LocalOrigin;
        return Results.Json(CatalogValidationJson.Of(review.Of(text, origin, http.Caller()), origin), RestJson.Options);
    }

    private static async Task<string> TextAsync(HttpRequest request, CancellationToken ct)
    {
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await request.Body.ReadAsync(buffer, ct)) > 0)
        {
            if (body.Length + read > MaxBytes)
            {
                throw new BadHttpRequestException($"The catalog is larger than {MaxBytes >> 20} MiB.", StatusCodes.Status413PayloadTooLarge);
            }

            body.Write(buffer, 0, read);
        }

        try
        {
            return body.Length > 0
                ? Utf8.GetString(body.GetBuffer(), 0, (int)body.Length).TrimStart('\uFEFF')
                : throw new Refusal(RefusalKind.Malformed, "The body is missing", "Send the catalog itself, YAML or JSON.");
        }
        catch (DecoderFallbackException)
        {
            throw new Refusal(RefusalKind.Malformed, "The body is not UTF-8", "A catalog is YAML or JSON in UTF-8.");
        }
    }
}

/// <param name="Valid">Everything in it can be read. Whether it can be deployed, each entry says.</param>
internal sealed record CatalogValidationJson(bool Valid, IReadOnlyList<SkippedEntryJson> Errors, IReadOnlyList<ValidatedEntryJson> Entries)
{
    public static CatalogValidationJson Of(ReviewedCatalog catalog, string origin) => new(
        catalog.Document.Skipped.Count == 0,
        [.. catalog.Document.Skipped.Select(skipped => SkippedEntryJson.Of(origin, skipped))],
        [.. catalog.Entries.Select(ValidatedEntryJson.Of)]);
}

/// <param name="Requires">Variables that a deployment must give.</param>
/// <param name="Notes">What of it is read and passed over, or worth knowing.</param>
/// <param name="Backends">Each that is switched on here: whether it would be accepted, and what would not be held.</param>
internal sealed record ValidatedEntryJson(
    string Id,
    bool Deployable,
    string? NotDeployableBecause,
    string? SourceType,
    IReadOnlyList<string> Requires,
    IReadOnlyList<string> Notes,
    IReadOnlyList<ValidatedBackendJson> Backends)
{
    public static ValidatedEntryJson Of(ReviewedEntry reviewed) => new(
        reviewed.Entry.Id,
        reviewed.Entry.Source is not null,
        reviewed.Entry.NotDeployableBecause,
        reviewed.Entry.Source?.Type,
        [.. reviewed.Entry.Environment.Where(variable => variable is { Required: true, Default: null }).Select(variable => variable.Name)],
        reviewed.Notes,
        [.. reviewed.Backends.Select(backend => new ValidatedBackendJson(backend.Backend, backend.Errors.Count == 0, backend.Errors, backend.Warnings))]);
}

internal sealed record ValidatedBackendJson(string Backend, bool Accepted, IReadOnlyList<ValidationError> Errors, IReadOnlyList<GuardrailWarning> Warnings);
