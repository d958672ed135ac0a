using McpRuntime.Core.Records;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Access;

/// <summary>
/// While there is no token at all, the first start makes one for an admin and leaves it in a file that only this user can read.
/// A file that is already there is taken as it is (a database was made anew, or somebody put a token of their own there).
/// </summary>
internal sealed partial class FirstToken(ITokenStore tokens, StorageSettings storage, TimeProvider time, ILogger<FirstToken> logger)
{
    public const string FileName = "admin-token";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public async Task EnsureAsync(CancellationToken ct)
    {
        if ((await tokens.ListAsync(ct)).Count > 0)
        {
            return;
        }

        var path = Path.Combine(storage.DataDirectory, FileName);
        var text = File.Exists(path) ? (await File.ReadAllTextAsync(path, ct)).Trim() : Write(path);
        if (!ApiTokens.IsWellFormed(text))
        {
            throw new InvalidSettings([$"{path}: does not hold a token of this service; remove the file and start again"]);
        }

        Close(path);
        await tokens.AddAsync(new ApiToken(ApiTokens.NewId(), "admin", Roles.Admin, [], time.GetUtcNow(), null, null), ApiTokens.HashOf(text), ct);
        Log.Made(logger, path);
    }

    // The file comes first: a crash in between leaves a token that the next start adopts, never one that nobody knows.
    private static string Write(string path)
    {
        var text = ApiTokens.NewText();
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        using var file = new FileStream(path, options);
        using var writer = new StreamWriter(file);
        writer.WriteLine(text);
        return text;
    }

    /// <summary>One that somebody put there with a wider mode is closed before it counts.</summary>
    private void Close(string path)
    {
        if (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & ~OwnerOnly) == UnixFileMode.None)
        {
            return;
        }

        try
        {
            File.SetUnixFileMode(path, OwnerOnly);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A secret that a platform mounts read-only has the mode that the platform gave it.
            Log.Open(logger, path, e.Message);
            return;
        }

        Log.Closed(logger, path);
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "{Path} was open to others than this user and is 0600 now; if anybody may have read it, make another admin token and revoke this one")]
        public static partial void Closed(ILogger logger, string path);

        [LoggerMessage(EventId = 3, Level = LogLevel.Warning, Message = "{Path} is open to others than this user, and its mode cannot be set: {Reason}. See to it that nobody else on this machine or in this container can read it")]
        public static partial void Open(ILogger logger, string path, string reason);

        [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "The admin token is in {Path}")]
        public static partial void Made(ILogger logger, string path);
    }
}
