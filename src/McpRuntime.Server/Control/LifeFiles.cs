namespace McpRuntime.Server.Control;

/// <summary>
/// On SQLite every process is on this machine, and the kernel knows which of them live: each holds a file of its own locked for as
/// long as it lives, however it ends.
/// </summary>
/// <param name="prefix">Of the files' paths; an owner's name follows.</param>
internal sealed class LifeFiles(string prefix) : IDisposable
{
    private readonly Dictionary<string, FileStream> _held = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    public void Hold(string owner)
    {
        lock (_lock)
        {
            if (!_held.ContainsKey(owner))
            {
                _held[owner] = new FileStream(prefix + owner, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
            }
        }
    }

    /// <summary>True: no process lives that held it, now or ever.</summary>
    public bool HasEnded(string owner)
    {
        lock (_lock)
        {
            if (_held.ContainsKey(owner))
            {
                return false;
            }
        }

        var path = prefix + owner;
        try
        {
            // Whoever gets the lock of a dead one's file takes the file away.
            using var taken = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
            return true;
        }
        catch (FileNotFoundException)
        {
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Locked: it lives. Or it can't be told.
            return false;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var file in _held.Values)
            {
                file.Dispose();
            }

            _held.Clear();
        }
    }
}
