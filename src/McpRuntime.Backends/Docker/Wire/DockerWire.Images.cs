using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Wire;

internal sealed partial class DockerWire
{
    private static readonly string[] DeniedWords = ["no basic auth credentials", "unauthorized", "denied"];

    /// <summary>Null: it is not on the engine. Any reference, digest or image id.</summary>
    public Task<ImageInspect?> InspectImageAsync(string reference, CancellationToken ct) =>
        GetAsync($"/images/{Reference(reference)}/json", DockerJson.Default.ImageInspect, ct);

    /// <param name="pattern">Of names, <c>*</c> within one path part: <c>repo/*</c>; the list then leaves out what does not match, digests too. Null: all images.</param>
    public async Task<IReadOnlyList<ImageSummary>> ListImagesAsync(string? pattern, CancellationToken ct) =>
        await GetAsync(pattern is null ? "/images/json" : $"/images/json?filters={Filters(("reference", pattern))}", DockerJson.Default.ListImageSummary, ct) ?? [];

    /// <summary>False: the image is not there.</summary>
    public async Task<bool> TagImageAsync(string reference, string repository, string tag, CancellationToken ct)
    {
        var path = $"/images/{Reference(reference)}/tag?repo={Uri.EscapeDataString(repository)}&tag={Uri.EscapeDataString(tag)}";
        var (status, _) = await StatusAsync(HttpMethod.Post, path, content: null, ct, timeout: null, HttpStatusCode.NotFound);
        return status != HttpStatusCode.NotFound;
    }

    /// <summary>A tag or digest is only untagged while the image has others; the last one takes the layers along, unless a container uses them.</summary>
    public async Task<(RemoveAnswer Answer, string Message)> RemoveImageAsync(string reference, CancellationToken ct)
    {
        var (status, message) = await StatusAsync(HttpMethod.Delete, $"/images/{Reference(reference)}", content: null, ct, timeout: null, HttpStatusCode.NotFound, HttpStatusCode.Conflict);
        return (Removal(status), message);
    }

    /// <summary>The digest a registry has for this reference now. Null: it has none. Asks the registry, so it may take long.</summary>
    public async Task<string?> RegistryDigestAsync(string reference, RegistryLogin? login, TimeSpan timeout, CancellationToken ct)
    {
        var path = $"/distribution/{Reference(reference)}/json";
        try
        {
            var found = await CallAsync(HttpMethod.Get, path, content: null, DockerJson.Default.DistributionInspect, ct, timeout, Encode(login));
            return found?.Descriptor?.Digest;
        }
        catch (BackendFault fault) when (fault.Fault.Reason == "EngineError" && Says(fault.Fault.Message, DeniedWords))
        {
            // The engine answers 500 for a registry's 401.
            throw new BackendFault(fault.Fault with { Kind = FaultKind.Unauthorized, Reason = "RegistryDenied" }, fault);
        }
    }

    /// <summary>Progress until the image is there. A failure that the engine reports inside the stream is a fault like any other.</summary>
    public async IAsyncEnumerable<PullLine> PullAsync(
        string repository, string tagOrDigest, RegistryLogin? login, TimeSpan atMost, TimeSpan idle, [EnumeratorCancellation] CancellationToken ct)
    {
        var path = $"/images/create?fromImage={Uri.EscapeDataString(repository)}&tag={Uri.EscapeDataString(tagOrDigest)}";
        await foreach (var line in LinesAsync(HttpMethod.Post, path, DockerJson.Default.PullLine, Encode(login) ?? "e30", atMost, idle, endAtLimit: false, words => PullFault(repository, tagOrDigest, words), ct))
        {
            if (line.Error is { Length: > 0 } error)
            {
                throw new BackendFault(PullFault(repository, tagOrDigest, error));
            }

            yield return line;
        }
    }

    /// <summary>Inside a pull's stream there are only words to go by.</summary>
    internal static Fault PullFault(string repository, string tagOrDigest, string words)
    {
        var name = tagOrDigest.Contains(':', StringComparison.Ordinal) ? $"{repository}@{tagOrDigest}" : $"{repository}:{tagOrDigest}";
        var message = $"Pulling {name} failed: {Cut(words)}";
        if (Says(words, DeniedWords))
        {
            return new Fault(FaultKind.Refused, "ImageAccessDenied", $"{message}. The registry has no such image, or wants credentials: RUNTIME_REGISTRY_CREDENTIALS.");
        }

        if (Says(words, "not found", "manifest unknown", "does not exist"))
        {
            return new Fault(FaultKind.Refused, "ImageNotFound", $"{message}. Check the name and the tag.");
        }

        if (Says(words, "no matching manifest", "does not match the specified platform"))
        {
            return new Fault(FaultKind.Refused, "ImagePlatform", $"{message}. The image is not built for this engine's platform.");
        }

        return Says(words, "toomanyrequests", "rate limit")
            ? new Fault(FaultKind.Throttled, "RegistryThrottled", message, TimeSpan.FromMinutes(5))
            : new Fault(FaultKind.Transient, "PullFailed", message);
    }

    private static bool Says(string words, params string[] any) => any.Any(w => words.Contains(w, StringComparison.OrdinalIgnoreCase));

    /// <summary>The header's form: base64 (URL alphabet, padded) of JSON. <c>e30</c> is an empty object.</summary>
    private static string? Encode(RegistryLogin? login) => login is null
        ? null
        : Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(login, DockerJson.Default.RegistryLogin)).Replace('+', '-').Replace('/', '_');

    /// <summary>References keep their slashes and colons in the engine's paths; anything else that would end a path is refused.</summary>
    private static string Reference(string reference) =>
        reference.Length is > 0 and <= 512 && reference[0] != '-' && !reference.Contains("..", StringComparison.Ordinal)
        && reference.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/' or ':' or '@')
            ? reference
            : throw new BackendFault(new Fault(FaultKind.Refused, "BadReference", $"\"{reference}\" is no image reference."));
}
