namespace McpRuntime.Server.Control;

/// <summary>
/// On SQLite every process that could lead is on this machine, and the kernel knows which of them live: a file locked for as long
/// as a process leads or wants to. Whoever gets it knows that the last holder is dead or gone, and need not watch the beat.
/// </summary>
internal sealed class LeaseFile(string path) : IDisposable
{
    private FileStream? _file;

    public bool TryTake()
    {
        if (_file is not null)
        {
            return true;
        }

        try
        {
            _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException) when (File.Exists(path))
        {
            // Locked by another: it leads.
            return false;
        }
    }

    public void Release()
    {
        _file?.Dispose();
        _file = null;
    }

    public void Dispose() => Release();
}
