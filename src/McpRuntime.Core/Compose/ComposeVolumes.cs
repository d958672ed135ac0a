using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>The named volumes of a file, and what services mount of them. Nothing of the host's own is ever mounted.</summary>
internal sealed class ComposeVolumes(ComposeContext context)
{
    private readonly HashSet<string> _declared = new(StringComparer.Ordinal);

    public void Declare(CatalogNode node)
    {
        foreach (var (name, value) in node is CatalogNode.Scalar { IsNull: true } ? [] : context.Map(node, "volumes")?.Members ?? [])
        {
            if (!ComposeNodes.IsName(name))
            {
                context.Wrong(value, $"volumes: {Quoted.Of(name)} is not a name: letters, digits, \"_\", \".\" and \"-\", at most 63");
            }
            else if (value is CatalogNode.Scalar { IsNull: true } || (context.Map(value, $"volumes.{name}") is { } map && map.Members.Where(m => !Known(name, m.Key, m.Value)).ToList() is []))
            {
                _declared.Add(name);
            }
        }
    }

    /// <summary>One entry of a service's <c>volumes</c>, in the short or the long syntax.</summary>
    public (ComposeMount? Mount, ComposeTmpfs? Tmpfs) Read(CatalogNode node) =>
        node is CatalogNode.Map ? Long(node) : (Short(node), null);

    private ComposeMount? Short(CatalogNode node)
    {
        if (context.Text(node, "volumes") is not { } text)
        {
            return null;
        }

        var parts = text.Value.Split(':');
        if (parts.Length == 1)
        {
            context.Wrong(node, $"volumes: {text.Shown} has no name: write name:/path, so that its data is found again");
            return null;
        }

        var modes = parts.Length > 2 ? parts[2].Split(',') : [];
        if (parts.Length > 3 || modes.Any(m => m is not ("ro" or "rw")))
        {
            context.Wrong(node, $"volumes: {text.Shown} is not name:/path, name:/path:ro or name:/path:rw");
            return null;
        }

        return Mount(node, parts[0], parts[1], modes.Contains("ro", StringComparer.Ordinal), text.Raw);
    }

    private (ComposeMount? Mount, ComposeTmpfs? Tmpfs) Long(CatalogNode node)
    {
        var (type, source, target, readOnly) = ("volume", "", "", false);
        var raw = "";
        long? size = null;
        string? mode = null;
        foreach (var (key, value) in context.Map(node, "volumes")?.Members ?? [])
        {
            switch (key)
            {
                case "type":
                    type = context.Text(value, "volumes.type")?.Value ?? "";
                    break;
                case "source":
                    (source, raw) = context.Text(value, "volumes.source") is { } named ? (named.Value, raw + named.Raw) : ("", raw);
                    break;
                case "target":
                    (target, raw) = context.Text(value, "volumes.target") is { } placed ? (placed.Value, $"{raw}:{placed.Raw}") : ("", raw);
                    break;
                case "read_only":
                    readOnly = context.Flag(value, "volumes.read_only") ?? false;
                    break;
                case "tmpfs":
                    (size, mode) = TmpfsOf(value);
                    break;
                default:
                    context.Wrong(value, $"volumes: {Quoted.Of(key)} is not supported: type, source, target, read_only and tmpfs are");
                    break;
            }
        }

        if (type is "tmpfs")
        {
            return (null, context.Path(node, "volumes", target, raw) is { } path ? new ComposeTmpfs(path, size, mode) : null);
        }

        if (type is not "volume")
        {
            context.Wrong(node, $"volumes: a mount of this type is not allowed: nothing of the host is mounted; use a named volume, or a tmpfs");
            return (null, null);
        }

        return (Mount(node, source, target, readOnly, raw), null);
    }

    private ComposeMount? Mount(CatalogNode node, string source, string target, bool readOnly, string raw)
    {
        if (source.Contains("docker.sock", StringComparison.Ordinal) || target.Contains("docker.sock", StringComparison.Ordinal))
        {
            context.Wrong(node, "volumes: the engine's socket is never mounted: whoever has it has the host");
            return null;
        }

        if (source.Length == 0 || source[0] is '/' or '.' or '~' or '\\' || source.Contains('/', StringComparison.Ordinal))
        {
            context.Wrong(node, $"volumes: {Quoted.Of(raw)} mounts a path of the host, which is not allowed: use a named volume, as in data:/data");
            return null;
        }

        if (!_declared.Contains(source))
        {
            context.Wrong(node, $"volumes: the volume of {Quoted.Of(raw)} is not among the volumes at the top of the file: add it there");
            return null;
        }

        return context.Path(node, "volumes", target, raw) is { } path ? new ComposeMount(source, path, readOnly, node.Line) : null;
    }

    private (long? Size, string? Mode) TmpfsOf(CatalogNode node)
    {
        long? size = null;
        string? mode = null;
        foreach (var (key, value) in context.Map(node, "volumes.tmpfs")?.Members ?? [])
        {
            switch (key)
            {
                case "size":
                    size = context.Text(value, "tmpfs size") is { } text ? TmpfsReader.Size(context, text) : null;
                    break;
                case "mode":
                    mode = context.Text(value, "tmpfs mode") is { } octal ? TmpfsReader.Mode(context, octal) : null;
                    break;
                default:
                    context.Wrong(value, $"volumes.tmpfs: {Quoted.Of(key)} is not supported: size and mode are");
                    break;
            }
        }

        return (size, mode);
    }

    private bool Known(string volume, string key, CatalogNode value)
    {
        var known = key switch
        {
            "driver" => context.Text(value, "driver") is { Value: "local" },
            "external" => context.Flag(value, "external") is false,
            "labels" or "name" => true,
            _ => key.StartsWith("x-", StringComparison.Ordinal),
        };
        if (known && key == "name")
        {
            context.Note(value, $"volumes.{volume}: its name on the engine is ours, not the one given");
        }
        else if (!known)
        {
            context.Wrong(value, $"volumes.{volume}: {Quoted.Of(key)} is not supported here: a volume is this runtime's own, of the driver \"local\" without options");
        }

        return known;
    }
}

/// <summary>A tmpfs: <c>/run</c> or <c>/run:size=64m,mode=1777</c>.</summary>
internal static class TmpfsReader
{
    public static ComposeTmpfs? Short(ComposeContext context, ComposeText text)
    {
        var colon = text.Value.IndexOf(':', StringComparison.Ordinal);
        var path = context.Path(text.Node, "tmpfs", colon < 0 ? text.Value : text.Value[..colon], text.Raw);
        long? size = null;
        string? mode = null;
        foreach (var option in colon < 0 ? [] : text.Value[(colon + 1)..].Split(','))
        {
            var at = option.IndexOf('=', StringComparison.Ordinal);
            var (name, value) = at < 0 ? (option, "") : (option[..at], option[(at + 1)..]);
            var part = text with { Value = value };
            switch (name)
            {
                case "size":
                    size = Size(context, part);
                    break;
                case "mode":
                    mode = Mode(context, part);
                    break;
                case "rw" or "noexec" or "nosuid" or "nodev":
                    break;
                default:
                    context.Wrong(text.Node, $"tmpfs: an option of {text.Shown} is not allowed: size and mode are; noexec, nosuid and nodev always hold");
                    break;
            }
        }

        return path is null ? null : new ComposeTmpfs(path, size, mode);
    }

    public static long? Size(ComposeContext context, ComposeText text)
    {
        if (MemoryQuantity.TryParse(text.Value, out var size, out _))
        {
            return size.Bytes;
        }

        context.Wrong(text.Node, $"tmpfs: the size {text.Shown} is not one: write bytes with a unit, as \"64m\", at least 6m");
        return null;
    }

    public static string? Mode(ComposeContext context, ComposeText text)
    {
        var octal = text.Value.StartsWith("0o", StringComparison.Ordinal) ? text.Value[2..] : text.Value;
        if (octal.Length is 3 or 4 or 5 && octal.All(c => c is >= '0' and <= '7'))
        {
            return octal.TrimStart('0');
        }

        context.Wrong(text.Node, $"tmpfs: the mode {text.Shown} is not octal, as 1777");
        return null;
    }
}
