using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Contract;

/// <summary>A backend and the world behind it, which the suite looks at and tampers with by other means than the backend's own.</summary>
public interface IContractWorld : IAsyncDisposable
{
    IBackend Backend { get; }

    /// <summary>The same kind of backend, at an address where nobody answers.</summary>
    IBackend Unreachable { get; }

    KeyedHash Hash { get; }

    string InstanceId { get; }

    /// <summary>An image that serves HTTP on 8080, and with the command <c>lines N</c> writes <c>line 0 …</c> to stdout and stderr by turns.</summary>
    string Image { get; }

    /// <summary>Everything there is for this identity, counted without the backend: ids with their incarnations.</summary>
    Task<IReadOnlyList<string>> TrueStateAsync(RuntimeIdentity id);

    /// <summary>Makes something that looks like ours but is not; gives a handle to ask for it again.</summary>
    Task<string> MakeForeignAsync(RuntimeIdentity id);

    Task<bool> ForeignIsUntouchedAsync(string handle);

    Task KillAsync(string containerId);

    Task RemoveByHandAsync(string containerId);

    /// <summary>Loosens a limit on the live container, behind the backend's back.</summary>
    Task EditByHandAsync(string containerId);

    /// <summary>Halts the live container by hand; gives the field by which that shows.</summary>
    Task<string> PauseByHandAsync(string containerId);

    /// <summary>Where two backends honestly differ.</summary>
    WorldTraits Traits { get; }
}

/// <summary>What a kind of backend has or does that another has not. Each is a promise too: the suite holds it to what it says here.</summary>
/// <param name="Volumes">False: a volume is refused with a reason, before anything runs.</param>
/// <param name="EditsInPlace">False: an edit of a live thing is a new incarnation of it.</param>
/// <param name="SeparatesStreams">False: all lines come as one stream, and the log says so.</param>
/// <param name="Port">Where the endpoint is reached; null: wherever the backend says.</param>
public sealed record WorldTraits(bool Volumes, bool EditsInPlace, bool SeparatesStreams, int? Port);
