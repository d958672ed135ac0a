using System.Text;
using McpRuntime.Backends;
using McpRuntime.Backends.Git;
using McpRuntime.Core.Manifests;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Sources.Git;

/// <summary>The manifests of one commit: every YAML and JSON file at or below the repository's path.</summary>
internal static class GitManifests
{
    private const int MostFiles = 10_000;

    private const long MostBytes = 64L << 20;

    private static readonly string[] Endings = [".yaml", ".yml", ".json"];

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <exception cref="NotApplied">Every file that is wrong.</exception>
    public static async Task<(ManifestSet Set, int Files)> ReadAsync(Checkout checkout, GitRepo repo, CancellationToken ct)
    {
        var found = checkout.Files.Where(file => IsManifest(file.Path, repo.Path)).ToList();
        if (found.Count > MostFiles)
        {
            throw new NotApplied("TooManyFiles", $"There are {found.Count} YAML and JSON files {Where(repo)}; at most {MostFiles} are read.");
        }

        List<ManifestFile> files = [];
        List<ManifestError> errors = [];
        var bytes = 0L;
        foreach (var file in found)
        {
            if (file.IsLink && IsReadWhereItStands(checkout, file, repo))
            {
                continue;
            }

            var (text, problem) = await TextAsync(checkout, file, ct);
            if (problem is not null)
            {
                errors.Add(new ManifestError(file.Path, ManifestError.NoDocument, 1, "", problem));
            }
            else if ((bytes += text!.Length) > MostBytes)
            {
                throw new NotApplied("TooLarge", $"The YAML and JSON files {Where(repo)} hold more than {MostBytes >> 20} MiB.");
            }
            else
            {
                files.Add(new ManifestFile(file.Path, text));
            }
        }

        var set = ManifestReader.Read(files);
        return errors.Count + set.Errors.Count == 0
            ? (set, files.Count)
            : throw new NotApplied("BrokenFiles", Tell([.. errors, .. set.Errors]), [.. errors, .. set.Errors]);
    }

    public static string Where(GitRepo repo) => repo.Path.Length == 0 ? "in the repository" : $"at {repo.Path}";

    public static string Tell(IReadOnlyList<ManifestError> errors) => string.Join("; ", errors.Take(3)) + (errors.Count > 3 ? $"; and {errors.Count - 3} more" : "");

    private static bool IsManifest(string file, string path) =>
        (path.Length == 0 || file == path || file.StartsWith(path + "/", StringComparison.Ordinal)) && Endings.Any(ending => file.EndsWith(ending, StringComparison.OrdinalIgnoreCase));

    /// <summary>A link to a manifest that is read anyway says it a second time.</summary>
    private static bool IsReadWhereItStands(Checkout checkout, CheckedOutFile link, GitRepo repo)
    {
        try
        {
            return checkout.Resolve(link.Path) is { } real && IsManifest(Path.GetRelativePath(checkout.Folder, real).Replace('\\', '/'), repo.Path);
        }
        catch (BackendFault)
        {
            // It leads out; told where it is read.
            return false;
        }
    }

    private static async Task<(string? Text, string? Problem)> TextAsync(Checkout checkout, CheckedOutFile file, CancellationToken ct)
    {
        try
        {
            return await checkout.ReadAsync(file.Path, ManifestReader.Longest, ct) is { } content
                ? (Strict.GetString(content.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? content.AsSpan(Encoding.UTF8.Preamble.Length) : content), null)
                : (null, file.IsLink ? "is a link to nothing" : "is not in the checkout");
        }
        catch (BackendFault fault)
        {
            return (null, fault.Fault.Message);
        }
        catch (DecoderFallbackException)
        {
            return (null, "is not UTF-8 text");
        }
    }
}
