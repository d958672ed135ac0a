namespace McpRuntime.Backends;

/// <summary>A backend's way to the stdin and stdout of what runs there. At most one channel to a server is open at a time: see <see cref="OpenAsync"/>.</summary>
public interface IStdioChannels
{
    /// <summary>The scheme of the addresses it opens (<c>stdio+docker</c>); the host of such an address is the server's name on the backend.</summary>
    string Scheme { get; }

    /// <summary>
    /// Attaches to a running server. Two attachers would each get all that it writes, and no server expects a second beginning: who
    /// opens makes sure it is the only one, and says which incarnation was spoken to before.
    /// </summary>
    /// <param name="used">An incarnation that has been spoken to. If it is the running one, it is started anew first: what was begun with it can't be gone on with.</param>
    /// <returns>Null: no such server, or it does not run.</returns>
    /// <exception cref="BackendFault">The backend is away, or refuses.</exception>
    Task<IStdioChannel?> OpenAsync(string name, string? used, CancellationToken ct);

    /// <summary>The running incarnation's id, as an observation shows it; null when there is none.</summary>
    Task<string?> InstanceAsync(string name, CancellationToken ct);
}

/// <summary>One incarnation of a server, from its start to its end. Disposing lets go of it; the server goes on.</summary>
public interface IStdioChannel : IAsyncDisposable
{
    /// <summary>As an observation shows it.</summary>
    string Instance { get; }

    /// <summary>The server's stdin. Not for two writers at once.</summary>
    Stream Input { get; }

    /// <summary>The server's stdout; ends with the server, or when the way to it is lost.</summary>
    Stream Output { get; }

    /// <summary>Keeps a line that is no message with what the server writes to stderr, so that it is found in the runtime's log.</summary>
    void Note(string line);
}
