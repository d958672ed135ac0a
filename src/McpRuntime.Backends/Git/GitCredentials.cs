using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Git;

/// <summary>
/// RUNTIME_GIT_CREDENTIALS: <c>{"credentials": [{"repository": "github.com/acme", "username": …, "password": …, "teams": ["a"]}]}</c>.
/// <c>repository</c> is a host and, if wanted, a path prefix on a path boundary; the longest that fits is used. A token alone goes with
/// any user name. Without <c>teams</c> every runtime may use it. Read again when the file changes.
/// </summary>
internal sealed class GitCredentials(string? file)
{
    private const long LargestFile = 1 << 20;

    /// <summary>Basic authorization, the header's value. Null: none fits, and the host is asked without.</summary>
    public async Task<SecretText?> FindAsync(GitRepository repository, string? teamId, CancellationToken ct)
    {
        if (file is null)
        {
            return null;
        }

        var asked = $"{repository.Authority}/{repository.Path}";
        var entry = (await ReadAsync(file, ct))
            .Where(e => Covers(e.Repository.TrimEnd('/'), asked) && (e.Teams is null || (teamId is not null && e.Teams.Contains(teamId, StringComparer.Ordinal))))
            .MaxBy(e => e.Repository.TrimEnd('/').Length);
        return entry is null ? null : new SecretText("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{entry.Username ?? "git"}:{entry.Password}")));
    }

    private static bool Covers(string prefix, string asked) =>
        prefix.Length > 0 && asked.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) && (asked.Length == prefix.Length || asked[prefix.Length] == '/');

    private static async Task<IReadOnlyList<GitEntry>> ReadAsync(string path, CancellationToken ct)
    {
        try
        {
            var info = new FileInfo(path);
            return info is { Exists: true, Length: <= LargestFile }
                ? Parse(await File.ReadAllBytesAsync(path, ct))
                : throw new BackendFault(Broken(info.Exists ? $"is larger than {LargestFile} bytes" : "is not there"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BackendFault(Broken(e.Message), e);
        }
    }

    /// <summary>The parser's own words would quote the file: only the place is told.</summary>
    internal static IReadOnlyList<GitEntry> Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, GitJson.Default.GitFile)?.Credentials ?? throw new BackendFault(Broken("has no \"credentials\" list"));
        }
        catch (JsonException e)
        {
            throw new BackendFault(Broken($"is not the documented JSON (line {(e.LineNumber ?? 0) + 1})"));
        }
    }

    private static Fault Broken(string what) => new(FaultKind.Unauthorized, "GitCredentials", $"The file of git credentials (RUNTIME_GIT_CREDENTIALS) {what}.");
}

internal sealed record GitFile([property: JsonRequired] IReadOnlyList<GitEntry> Credentials);

internal sealed record GitEntry([property: JsonRequired] string Repository, string? Username, [property: JsonRequired] string Password, IReadOnlyList<string>? Teams)
{
    /// <summary>A record prints its members; this one's are secrets.</summary>
    public override string ToString() => Repository;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(GitFile))]
internal sealed partial class GitJson : JsonSerializerContext;
