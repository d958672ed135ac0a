using System.Formats.Tar;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using McpRuntime.Backends.Git;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>What is sent to the engine: the context's files as a tar archive, and the Dockerfile under a name of its own.</summary>
internal sealed class BuildContext : HttpContent
{
    /// <summary>In the archive; the engine takes it out again before a COPY can see it, since our <c>.dockerignore</c> says so.</summary>
    public const string DockerfileName = ".mcpruntime.dockerfile";

    private const int LongestIgnore = 64 << 10;

    // The same commit gives the same archive, and with it the same layers.
    private static readonly DateTimeOffset Then = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Checkout _checkout;
    private readonly string _prefix;
    private readonly DockerIgnore _ignore;
    private readonly string _dockerfile;

    private BuildContext(Checkout checkout, string prefix, DockerIgnore ignore, string dockerfile)
    {
        (_checkout, _prefix, _ignore, _dockerfile) = (checkout, prefix, ignore, dockerfile);
        Headers.ContentType = new MediaTypeHeaderValue("application/x-tar");
    }

    /// <exception cref="BackendFault">The context is not a folder, or leads out of the repository.</exception>
    public static async Task<BuildContext> OpenAsync(Checkout checkout, string context, string dockerfile, CancellationToken ct)
    {
        if (checkout.Resolve(context) is not { } real || !Directory.Exists(real))
        {
            throw new BackendFault(new Fault(FaultKind.Refused, "ContextNotFound", $"There is no folder {context} at commit {checkout.Commit}: set source.context."));
        }

        var relative = Path.GetRelativePath(checkout.Folder, real);
        var ignore = await checkout.ReadAsync(Join(context, ".dockerignore"), LongestIgnore, ct);
        return new BuildContext(checkout, relative == "." ? "" : relative + "/", new DockerIgnore(ignore is null ? "" : Encoding.UTF8.GetString(ignore)), dockerfile);
    }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        await using var tar = new TarWriter(stream, TarEntryFormat.Pax, leaveOpen: true);
        await WriteAsync(tar, ".dockerignore", $".dockerignore\n{DockerfileName}\n", cancellationToken);
        await WriteAsync(tar, DockerfileName, _dockerfile, cancellationToken);
        var folders = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in _checkout.Files.Where(f => f.Path.StartsWith(_prefix, StringComparison.Ordinal)))
        {
            var name = file.Path[_prefix.Length..];
            if (name is ".dockerignore" or DockerfileName || _ignore.Ignores(name))
            {
                continue;
            }

            await FoldersAsync(tar, name, folders, cancellationToken);
            await WriteAsync(tar, file, name, cancellationToken);
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private static string Join(string context, string path) => context is "" or "." ? path : $"{context.TrimEnd('/')}/{path}";

    private static async Task FoldersAsync(TarWriter tar, string name, HashSet<string> done, CancellationToken ct)
    {
        for (var slash = name.IndexOf('/', StringComparison.Ordinal); slash >= 0; slash = name.IndexOf('/', slash + 1))
        {
            if (done.Add(name[..slash]))
            {
                await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.Directory, name[..slash] + "/") { Mode = (UnixFileMode)0b111_101_101, ModificationTime = Then }, ct);
            }
        }
    }

    /// <summary>A link is sent as a link: the engine resolves it inside the context's own root.</summary>
    private async Task WriteAsync(TarWriter tar, CheckedOutFile file, string name, CancellationToken ct)
    {
        var path = Path.Combine(_checkout.Folder, file.Path);
        if (file.IsLink)
        {
            await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.SymbolicLink, name) { LinkName = new FileInfo(path).LinkTarget ?? "", ModificationTime = Then }, ct);
            return;
        }

        await using var data = File.OpenRead(path);
        var mode = (UnixFileMode)(file.IsExecutable ? 0b111_101_101 : 0b110_100_100);
        await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = data, Mode = mode, ModificationTime = Then }, ct);
    }

    private static async Task WriteAsync(TarWriter tar, string name, string text, CancellationToken ct)
    {
        using var data = new MemoryStream(Encoding.UTF8.GetBytes(text));
        await tar.WriteEntryAsync(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = data, Mode = (UnixFileMode)0b110_100_100, ModificationTime = Then }, ct);
    }
}
