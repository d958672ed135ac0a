using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using McpRuntime.Core.Network;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Git;

/// <summary>Repositories by the git program, each run in a folder of its own that goes afterwards.</summary>
internal sealed class GitClient(GitOptions options, TimeProvider time) : IGit, IDisposable
{
    /// <summary>Four names are asked for; a reply longer than this is no list of refs.</summary>
    private const int LongestList = 64 << 10;

    /// <summary>Of a history, how much is asked for, and then how much more. The last is all that a fetch can ask for.</summary>
    private static readonly int[] Depths = [64, 1_024, 32_768, int.MaxValue];

    private const string ObjectFolder = "objects.git";
    private const string TreeFolder = "tree";

    private readonly GitProgram _program = new(options, time);
    private readonly GitCredentials _credentials = new(options.CredentialsFile);
    private readonly Lazy<WorkFolders> _folders = new(() => new WorkFolders(options.DataFolder));

    public void Dispose()
    {
        if (_folders.IsValueCreated)
        {
            _folders.Value.Dispose();
        }
    }

    public async Task<string> ResolveAsync(string repository, string? teamId, string reference, CancellationToken ct)
    {
        var remote = GitRepository.Parse(repository, options);
        if (GitRefName.IsCommit(reference))
        {
            return reference;
        }

        if (!GitRefName.IsRef(reference))
        {
            throw new BackendFault(new Fault(FaultKind.Refused, "RefNotFound", $"{Quoted.Of(reference)} is not the name of a branch, tag or commit."));
        }

        string[] names = reference == "HEAD" ? ["HEAD"] : [$"refs/heads/{reference}", $"refs/tags/{reference}^{{}}", $"refs/tags/{reference}", reference];
        var folder = await PrepareAsync(remote, teamId, ct);
        try
        {
            var list = "";
            var (exit, words) = await _program.RunAsync(
                folder, ["ls-remote", "--", remote.Url, .. names], async (stream, c) => list = await TextAsync(stream, c), options.RefTimeout, ct);
            if (exit != 0)
            {
                throw GitWords.Fault(remote, words);
            }

            var found = list.Split('\n').Select(l => l.Split('\t')).Where(c => c.Length == 2 && GitRefName.IsCommit(c[0])).DistinctBy(c => c[1]).ToDictionary(c => c[1], c => c[0], StringComparer.Ordinal);

            // An annotated tag's own object is no commit; the peeled entry is.
            return names.Select(found.GetValueOrDefault).FirstOrDefault(commit => commit is not null)
                ?? throw new BackendFault(new Fault(FaultKind.Refused, "RefNotFound", $"{remote} has no branch or tag {Quoted.Of(reference)}. Check the name, or give the commit."));
        }
        finally
        {
            WorkFolders.Remove(folder);
        }
    }

    public async Task<Checkout> CheckOutAsync(string repository, string? teamId, string commit, CancellationToken ct)
    {
        var remote = GitRepository.Parse(repository, options);
        if (!GitRefName.IsCommit(commit))
        {
            throw new BackendFault(new Fault(FaultKind.Refused, "CommitNotFound", $"{Quoted.Of(commit)} is not a commit: 40 lower-case hex digits are expected."));
        }

        var folder = await PrepareAsync(remote, teamId, ct);
        try
        {
            await GitAsync(folder, remote, ["init", "--quiet", "--bare", "--", ObjectFolder], ct);
            await GitAsync(folder, remote, ["--git-dir", ObjectFolder, "fetch", "--quiet", "--depth=1", "--no-tags", "--", remote.Url, commit], ct);
            var files = await ListAsync(folder, commit, ct);

            // Nothing more is fetched: the credentials are not needed any longer than this.
            await GitConfiguration.WriteAsync(folder, remote, [], authorities: null, authorization: null, options.Signers, ct);
            await VerifyAsync(folder, remote, commit, ct);
            var tree = Directory.CreateDirectory(Path.Combine(folder, TreeFolder)).FullName;
            await GitAsync(folder, remote, ["--git-dir", ObjectFolder, "--work-tree", TreeFolder, "checkout", "--quiet", "--force", "--detach", commit, "--"], ct);
            WorkFolders.Remove(Path.Combine(folder, ObjectFolder));
            return new Checkout(commit, tree, folder, files);
        }
        catch
        {
            WorkFolders.Remove(folder);
            throw;
        }
    }

    public async Task<bool> DescendsFromAsync(string repository, string? teamId, string commit, string ancestor, CancellationToken ct)
    {
        var remote = GitRepository.Parse(repository, options);
        var folder = await PrepareAsync(remote, teamId, ct);
        try
        {
            await GitAsync(folder, remote, ["init", "--quiet", "--bare", "--", ObjectFolder], ct);
            foreach (var depth in Depths)
            {
                await GitAsync(folder, remote, ["--git-dir", ObjectFolder, "fetch", "--quiet", $"--depth={depth}", "--filter=tree:0", "--no-tags", "--", remote.Url, commit], ct);
                var (found, count) = await FindAsync(folder, commit, ancestor, ct);
                if (found || count < depth)
                {
                    return found;
                }
            }

            return false;
        }
        finally
        {
            WorkFolders.Remove(folder);
        }
    }

    /// <summary>Looks for a commit in what was fetched of another one's history, and counts the longest line of it that was.</summary>
    private async Task<(bool Found, int Count)> FindAsync(string folder, string commit, string ancestor, CancellationToken ct)
    {
        var (found, count) = (false, 0);
        _ = await _program.RunAsync(
            folder,
            ["--git-dir", ObjectFolder, "rev-list", commit],
            async (stream, c) =>
            {
                using var reader = new StreamReader(stream, Encoding.ASCII);
                while (await reader.ReadLineAsync(c) is { } line)
                {
                    count++;
                    found |= line == ancestor;
                }
            },
            options.Timeout,
            ct);
        return (found, count);
    }

    private async Task VerifyAsync(string folder, GitRepository remote, string commit, CancellationToken ct)
    {
        if (options.Signers is null)
        {
            return;
        }

        var (exit, words) = await _program.RunAsync(folder, ["--git-dir", ObjectFolder, "verify-commit", commit], async (stream, c) => await stream.CopyToAsync(Stream.Null, c), options.Timeout, ct);
        if (exit != 0)
        {
            throw new BackendFault(new Fault(FaultKind.Refused, "NotSigned", $"{remote}: the commit {commit} is not signed by anybody who may. git said: {(words.Length == 0 ? "there is no signature" : words)}"));
        }
    }

    private async Task GitAsync(string folder, GitRepository remote, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        var (exit, words) = await _program.RunAsync(folder, arguments, async (stream, c) => await stream.CopyToAsync(Stream.Null, c), options.Timeout, ct);
        if (exit != 0)
        {
            throw GitWords.Fault(remote, words);
        }
    }

    /// <summary>What a checkout will be, before there is one: a few kilobytes of trees can unfold into millions of files.</summary>
    private async Task<IReadOnlyList<CheckedOutFile>> ListAsync(string folder, string commit, CancellationToken ct)
    {
        List<CheckedOutFile> files = [];
        var bytes = 0L;
        _ = await _program.RunAsync(
            folder,
            ["--git-dir", ObjectFolder, "ls-tree", "-r", "-l", "-z", "--full-tree", commit],
            async (stream, c) =>
            {
                await foreach (var entry in EntriesAsync(stream, c))
                {
                    bytes += entry.Size;
                    files.Add(entry);
                    if (files.Count > options.MostFiles || bytes > options.MostBytes)
                    {
                        throw GitProgram.TooLarge(options);
                    }
                }
            },
            options.Timeout,
            ct);
        return files;
    }

    /// <summary><c>mode type object size\tpath\0</c>; a submodule has the type <c>commit</c> and is left out, as its folder stays empty.</summary>
    private static async IAsyncEnumerable<CheckedOutFile> EntriesAsync(Stream stream, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        const int LongestEntry = 16 << 10;
        var held = new List<byte>();
        var buffer = new byte[16 << 10];
        for (var read = await stream.ReadAsync(buffer, ct); read > 0; read = await stream.ReadAsync(buffer, ct))
        {
            for (var i = 0; i < read; i++)
            {
                if (buffer[i] != 0)
                {
                    held.Add(buffer[i]);
                    continue;
                }

                if (Entry(Encoding.UTF8.GetString([.. held])) is { } entry)
                {
                    yield return entry;
                }

                held.Clear();
            }

            if (held.Count > LongestEntry)
            {
                throw new BackendFault(new Fault(FaultKind.Refused, "BadRepository", $"A path in the repository is longer than {LongestEntry} bytes."));
            }
        }
    }

    private static CheckedOutFile? Entry(string line)
    {
        var tab = line.IndexOf('\t', StringComparison.Ordinal);
        var head = tab < 0 ? [] : line[..tab].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return head is [var mode, "blob", _, var size] && long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            ? new CheckedOutFile(line[(tab + 1)..], length, mode == "100755", mode == "120000")
            : null;
    }

    /// <summary>A folder with the configuration in it, the host's addresses judged and pinned.</summary>
    private async Task<string> PrepareAsync(GitRepository remote, string? teamId, CancellationToken ct)
    {
        var authorization = await _credentials.FindAsync(remote, teamId, ct);
        var addresses = await AddressesAsync(remote, ct);
        var folder = _folders.Value.Create();
        await GitConfiguration.WriteAsync(folder, remote, addresses, options.AuthoritiesFile, authorization, signers: null, ct);
        return folder;
    }

    private async Task<IReadOnlyList<string>> AddressesAsync(GitRepository remote, CancellationToken ct)
    {
        if (remote.IsLocal)
        {
            return [];
        }

        IPAddress[] found;
        try
        {
            found = await Dns.GetHostAddressesAsync(remote.Host, ct);
        }
        catch (SocketException e)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "RepositoryUnreachable", $"The host {remote.Host} can't be resolved: {e.Message}."), e);
        }

        return found.Length > 0 && found.All(a => PublicAddress.IsOrIsAllowed(a, options.AllowedAddresses))
            ? [.. found.Select(a => a.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{a}]" : a.ToString())]
            : throw new BackendFault(new Fault(FaultKind.Refused, "AddressNotAllowed", $"{remote.Host} has an address that is not public; RUNTIME_ALLOW_PRIVATE_ADDRESSES opens networks on purpose."));
    }

    private static async Task<string> TextAsync(Stream stream, CancellationToken ct)
    {
        var buffer = new byte[LongestList];
        var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, ct);
        return Encoding.UTF8.GetString(buffer, 0, length);
    }
}
