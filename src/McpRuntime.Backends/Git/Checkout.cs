using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Git;

/// <param name="Path">From the root of the tree, with <c>/</c> between parts.</param>
/// <param name="Size">Bytes; of a link, the length of its target.</param>
public sealed record CheckedOutFile(string Path, long Size, bool IsExecutable, bool IsLink);

/// <summary>The files of one commit in a throw-away folder, gone when this is disposed. No path leads out of it, whatever links are in it.</summary>
public sealed class Checkout(string commit, string folder, string throwAway, IReadOnlyList<CheckedOutFile> files) : IDisposable
{
    private const int MostLinks = 40;

    public string Commit { get; } = commit;

    /// <summary>Absolute; holds the tree and nothing of git's.</summary>
    public string Folder { get; } = folder;

    /// <summary>Files and links in the commit's own order; no submodules.</summary>
    public IReadOnlyList<CheckedOutFile> Files { get; } = files;

    public void Dispose() => WorkFolders.Remove(throwAway);

    /// <summary>The real file or folder behind a path, every link on the way followed.</summary>
    /// <returns>Absolute; null when there is nothing.</returns>
    /// <exception cref="BackendFault">It leads out of the checkout.</exception>
    public string? Resolve(string path)
    {
        var links = 0;
        List<string> done = [];
        var left = new Stack<string>(path.Split('/').Reverse());
        while (left.TryPop(out var part))
        {
            if (part is "" or ".")
            {
                continue;
            }

            if (part == "..")
            {
                if (done.Count == 0)
                {
                    throw Outside(path);
                }

                done.RemoveAt(done.Count - 1);
                continue;
            }

            done.Add(part);
            if (new FileInfo(Path.Combine([Folder, .. done])).LinkTarget is { } target)
            {
                if (Path.IsPathRooted(target) || ++links > MostLinks)
                {
                    throw Outside(path);
                }

                done.RemoveAt(done.Count - 1);
                foreach (var next in target.Split('/').Reverse())
                {
                    left.Push(next);
                }
            }
        }

        var real = Path.Combine([Folder, .. done]);
        return Path.Exists(real) ? real : null;
    }

    /// <returns>Null when there is no such file.</returns>
    /// <exception cref="BackendFault">It leads out of the checkout, or is larger than <paramref name="most"/> bytes.</exception>
    public async Task<byte[]?> ReadAsync(string path, long most, CancellationToken ct)
    {
        if (Resolve(path) is not { } real || !File.Exists(real))
        {
            return null;
        }

        return new FileInfo(real).Length <= most
            ? await File.ReadAllBytesAsync(real, ct)
            : throw new BackendFault(new Fault(FaultKind.Refused, "FileTooLarge", $"{path} is larger than {most} bytes."));
    }

    private static BackendFault Outside(string path) =>
        new(new Fault(FaultKind.Refused, "OutsideTheRepository", $"{path} leads out of the repository through a link; nothing outside is read."));
}
