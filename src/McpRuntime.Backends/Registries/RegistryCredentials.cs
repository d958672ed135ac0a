using System.Text.Json;
using System.Text.Json.Serialization;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Registries;

/// <summary>
/// RUNTIME_REGISTRY_CREDENTIALS: <c>{"credentials": [{"registry": "ghcr.io/acme", "username": …, "password": … | "identity_token": …,
/// "teams": ["a"]}]}</c>. <c>registry</c> is a host and, if wanted, a path prefix on a path boundary; the longest that fits is used.
/// Without <c>teams</c> every runtime may use it. Read again when the file changes, so that a rotated secret needs no restart.
/// </summary>
internal sealed class RegistryCredentials(string? file) : IDisposable
{
    private const long LargestFile = 1 << 20;

    private readonly SemaphoreSlim _one = new(1);
    private DateTime _readAt;
    private IReadOnlyList<RegistryEntry> _entries = [];

    public void Dispose() => _one.Dispose();

    /// <summary>Null: none fits, and the registry is asked without.</summary>
    public async Task<RegistryLogin?> FindAsync(string reference, string? teamId, CancellationToken ct)
    {
        if (file is null || !ImageReference.TryParse(reference, out var image, out _))
        {
            return null;
        }

        var entry = (await EntriesAsync(file, ct))
            .Where(e => image.IsWithin(e.Registry) && (e.Teams is null || (teamId is not null && e.Teams.Contains(teamId, StringComparer.Ordinal))))
            .MaxBy(e => e.Registry.TrimEnd('/').Length);
        return entry is null ? null : new RegistryLogin(entry.Username, entry.Password, entry.IdentityToken, image.Registry);
    }

    private async Task<IReadOnlyList<RegistryEntry>> EntriesAsync(string path, CancellationToken ct)
    {
        await _one.WaitAsync(ct);
        try
        {
            var info = new FileInfo(path);
            if (info.Exists && info.LastWriteTimeUtc == _readAt)
            {
                return _entries;
            }

            _entries = info is { Exists: true, Length: <= LargestFile }
                ? Parse(await File.ReadAllBytesAsync(path, ct))
                : throw new BackendFault(Broken(info.Exists ? $"is larger than {LargestFile} bytes" : "is not there"));
            _readAt = info.LastWriteTimeUtc;
            return _entries;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BackendFault(Broken(e.Message), e);
        }
        finally
        {
            _ = _one.Release();
        }
    }

    /// <summary>The parser's own words would quote the file: only the place is told.</summary>
    internal static IReadOnlyList<RegistryEntry> Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            var file = JsonSerializer.Deserialize(json, CredentialsJson.Default.RegistryFile);
            return file?.Credentials ?? throw new BackendFault(Broken("has no \"credentials\" list"));
        }
        catch (JsonException e)
        {
            throw new BackendFault(Broken($"is not the documented JSON (line {(e.LineNumber ?? 0) + 1})"));
        }
    }

    private static Fault Broken(string what) => new(FaultKind.Unauthorized, "RegistryCredentials", $"The file of registry credentials (RUNTIME_REGISTRY_CREDENTIALS) {what}.");
}

internal sealed record RegistryFile([property: JsonRequired] IReadOnlyList<RegistryEntry> Credentials);

internal sealed record RegistryEntry([property: JsonRequired] string Registry, string? Username, string? Password, string? IdentityToken, IReadOnlyList<string>? Teams)
{
    /// <summary>A record prints its members; this one's are secrets.</summary>
    public override string ToString() => Registry;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(RegistryFile))]
internal sealed partial class CredentialsJson : JsonSerializerContext;
