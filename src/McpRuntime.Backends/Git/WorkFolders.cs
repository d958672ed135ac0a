namespace McpRuntime.Backends.Git;

/// <summary>
/// Throw-away folders, all below one of this process that is held by a lock: what a killed process left is nobody's, and whoever
/// starts next removes it.
/// </summary>
internal sealed class WorkFolders : IDisposable
{
    private const string LockFile = "held";

    private readonly string _mine;
    private readonly FileStream _held;
    private long _count;

    public WorkFolders(string parent)
    {
        _ = Directory.CreateDirectory(parent);
        RemoveLeftovers(parent);
        _mine = Path.Combine(Path.GetFullPath(parent), Guid.NewGuid().ToString("N"));
        CreatePrivate(_mine);
        _held = new FileStream(Path.Combine(_mine, LockFile), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
    }

    public string Create()
    {
        var folder = Path.Combine(_mine, Interlocked.Increment(ref _count).ToString(System.Globalization.CultureInfo.InvariantCulture));
        CreatePrivate(folder);
        return folder;
    }

    private static void CreatePrivate(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            _ = Directory.CreateDirectory(folder);
        }
        else
        {
            _ = Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Best effort: what is left goes with the next start.</summary>
    public static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A program that is just being killed may still write into it.
        }
    }

    public void Dispose()
    {
        _held.Dispose();
        Remove(_mine);
    }

    private static void RemoveLeftovers(string parent)
    {
        foreach (var folder in Directory.EnumerateDirectories(parent))
        {
            try
            {
                // Opens only when nobody holds it; a folder without the file is one whose maker died in between.
                using (new FileStream(Path.Combine(folder, LockFile), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
                {
                    Remove(folder);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another process's, and alive.
            }
        }
    }
}
