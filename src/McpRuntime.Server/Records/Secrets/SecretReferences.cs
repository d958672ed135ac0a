using System.Text;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Records.Secrets;

/// <summary>Secrets of the cluster that custom resources come from.</summary>
internal interface IClusterSecrets
{
    /// <exception cref="SecretUnreadableException">Not there, not allowed, or not text.</exception>
    Task<SecretText> ReadAsync(SecretReference.Kubernetes secret, CancellationToken ct);
}

/// <summary>
/// Reads what a <c>secret://</c> reference names: the service's own <c>MCPSECRET_*</c> variables, a file of the runtime's team, or a
/// Secret of a custom resource's own namespace. Whose namespace it may be is judged where a request is admitted.
/// </summary>
/// <param name="cluster">Null: there are no custom resources.</param>
internal sealed class SecretReferences(string? directory, IClusterSecrets? cluster = null)
{
    /// <summary>As large as a literal may be; anything longer is no password but a mistake.</summary>
    private const int MaxBytes = 64 * 1024;

    /// <exception cref="SecretUnreadableException">Not there, not allowed, or not text.</exception>
    public Task<SecretText> ReadAsync(string uri, string? teamId, CancellationToken ct) =>
        SecretReference.TryParse(uri, out var reference, out var error)
            ? reference.Match(
                variable => Task.FromResult(FromEnvironment(uri, variable.Name)),
                file => FromFileAsync(uri, file.Path, teamId, ct),
                secret => cluster?.ReadAsync(secret, ct)
                    ?? throw new SecretUnreadableException($"{uri}: secrets of a cluster are read while RUNTIME_CUSTOM_RESOURCES_ENABLED is true."))
            : throw new SecretUnreadableException($"{uri}: {error}.");

    private static SecretText FromEnvironment(string uri, string name) =>
        Environment.GetEnvironmentVariable(name) is { } value
            ? new(value)
            : throw new SecretUnreadableException($"{uri}: the service's environment has no variable {name}.");

    private async Task<SecretText> FromFileAsync(string uri, string relative, string? teamId, CancellationToken ct)
    {
        if (directory is null)
        {
            throw new SecretUnreadableException($"{uri}: RUNTIME_SECRETS_DIR is not set.");
        }

        // A team's name may hold dots, so that it could be "..".
        if (string.IsNullOrEmpty(teamId) || teamId[0] == '.' || teamId.Contains('/', StringComparison.Ordinal))
        {
            throw new SecretUnreadableException($"{uri}: files are read from RUNTIME_SECRETS_DIR/<team> only; give the runtime a team_id.");
        }

        try
        {
            var root = RealPath.Of(Path.Combine(directory, teamId));
            var file = RealPath.Of(Path.Combine(root, relative));

            // Links within the team's folder are how mounted secrets are rotated; a link out of it is somebody else's file.
            if (!file.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                throw new SecretUnreadableException($"{uri}: the path leads out of the team's folder.");
            }

            return new(await ReadTextAsync(uri, file, ct));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new SecretUnreadableException($"{uri}: {(fault is FileNotFoundException or DirectoryNotFoundException ? "there is no such file." : "the file can't be read.")}", fault);
        }
    }

    private static async Task<string> ReadTextAsync(string uri, string path, CancellationToken ct)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[MaxBytes + 1];
        var length = await file.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct);
        if (length > MaxBytes)
        {
            throw new SecretUnreadableException($"{uri}: the file is longer than {MaxBytes / 1024} KiB.");
        }

        try
        {
            // One line end is the editor's, not the secret's.
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes, 0, length);
            return text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
        }
        catch (DecoderFallbackException fault)
        {
            throw new SecretUnreadableException($"{uri}: the file is not UTF-8 text.", fault);
        }
    }
}

/// <summary>A reference that can't be opened now. The message names the reference, never a value.</summary>
internal sealed class SecretUnreadableException(string message, Exception? inner = null) : Exception(message, inner);
