using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>One service: each of its keys read by the one place that knows it.</summary>
internal sealed class ServiceReader
{
    private readonly ComposeContext _context;

    private readonly ComposeVolumes _volumes;

    private readonly ComposeNetworks _networks;

    private readonly CatalogNode.Map _map;

    private readonly ServiceLimits _limits;

    private ComposeService _read;

    private ServiceReader(string name, CatalogNode.Map map, ComposeContext context, ComposeVolumes volumes, ComposeNetworks networks)
    {
        (_context, _volumes, _networks, _map) = (context, volumes, networks, map);
        _limits = new ServiceLimits(context);
        var lines = map.Members.ToDictionary(m => m.Key, m => m.Value.Line, StringComparer.Ordinal);
        lines[""] = map.Line;
        _read = new ComposeService { Name = name, Lines = lines };
    }

    /// <summary>Null: told.</summary>
    public static ComposeService? Read(string name, CatalogNode node, ComposeContext context, ComposeVolumes volumes, ComposeNetworks networks)
    {
        context.Service = name;
        if (!ComposeNodes.IsName(name))
        {
            context.Wrong(node, "is not a service's name: letters, digits, \"_\", \".\" and \"-\", at most 63");
            return null;
        }

        return context.Map(node, "a service") is { } map ? new ServiceReader(name, map, context, volumes, networks).Whole() : null;
    }

    private ComposeService Whole()
    {
        foreach (var (key, node) in _map.Members)
        {
            if (node is CatalogNode.Scalar { IsNull: true } && key is not ("command" or "entrypoint"))
            {
                // As if it were not there; still, a key that is refused is refused.
                _ = ServiceRefusals.Judge(_context, key, node);
            }
            else if (!Image(key, node) && !Process(key, node) && !Place(key, node) && !Life(key, node) && !_limits.Read(key, node))
            {
                _ = ServiceRefusals.Judge(_context, key, node);
            }
        }

        if (_read is { Image: null, Build: null } && !_map.Members.Any(m => m.Key is "image" or "build"))
        {
            _context.Wrong(_map, "has no image" + (_context.MayBuild ? " and no build" : ""));
        }

        return _limits.On(_read);
    }

    private bool Image(string key, CatalogNode node)
    {
        switch (key)
        {
            case "image" when _map.Members.Any(m => m.Key == "build"):
                _context.Note(node, "image: it is built, and what is built has a name of ours");
                return true;
            case "image":
                if (_context.Text(node, key) is { } text)
                {
                    if (ImageReference.TryParse(text.Value, out var image, out var why))
                    {
                        _read = _read with { Image = image };
                    }
                    else
                    {
                        // The reason quotes the value, which may have come from a variable.
                        _context.Wrong(node, text.Value == text.Raw ? $"image {why}" : $"image: {text.Shown} does not come to the name of an image");
                    }
                }

                return true;
            case "build":
                _read = _read with { Build = BuildReader.Read(_context, node) };
                return true;
            case "platform":
                _read = _read with { Platform = Platform(node) };
                return true;
            case "pull_policy" when _context.Text(node, key) is { Value: "missing" or "if_not_present" or "always" or "build" }:
                _context.Note(node, "pull_policy: images are pinned when they are resolved, and pulled where they are missing");
                return true;
            default:
                return false;
        }
    }

    private bool Process(string key, CatalogNode node)
    {
        switch (key)
        {
            case "command":
                _read = _read with { Command = CommandLine(node, key) };
                return true;
            case "entrypoint":
                _read = _read with { Entrypoint = CommandLine(node, key) };
                return true;
            case "environment":
                _read = _read with { Environment = EnvironmentReader.Read(_context, node) };
                return true;
            case "user":
                _read = _read with { User = Matching(node, key, UserPattern, "a user: a name or number, with :group if needed") };
                return true;
            case "working_dir":
                _read = _read with { WorkingDir = _context.Text(node, key) is { } text && WorkingPath(node, text) is { } path ? path.Value : null };
                return true;
            case "hostname":
                _read = _read with { Hostname = Matching(node, key, RuntimeName.IsLabel, "a host name: lower-case letters, digits and hyphens, at most 63") };
                return true;
            case "labels":
                _read = _read with { Labels = Labels(node) };
                return true;
            case "init":
                _read = _read with { Init = _context.Flag(node, key) };
                return true;
            case "read_only":
                _read = _read with { ReadOnly = _context.Flag(node, key) };
                return true;
            case "cap_add":
                _read = _read with { CapAdd = CapabilityNames(node, key) };
                return true;
            case "cap_drop":
                _read = _read with { CapDrop = CapabilityNames(node, key) };
                return true;
            default:
                return false;
        }
    }

    private bool Place(string key, CatalogNode node)
    {
        switch (key)
        {
            case "ports":
                var (ports, publishes) = PortsReader.Read(_context, node, key);
                if (publishes)
                {
                    _context.Note(node, "ports: nothing is published on the host; the gateway is the way in, and services reach the container's own ports");
                }

                _read = _read with { Ports = [.. _read.Ports.Union(ports)], IsPublished = ports.Count > 0 };
                return true;
            case "expose":
                _read = _read with { Ports = [.. _read.Ports.Union(PortsReader.Read(_context, node, key).Ports)] };
                return true;
            case "volumes":
                var read = _context.Items(node, key).Select(_volumes.Read).ToList();
                _read = _read with { Mounts = [.. read.Select(r => r.Mount).OfType<ComposeMount>()], Tmpfs = [.. _read.Tmpfs, .. read.Select(r => r.Tmpfs).OfType<ComposeTmpfs>()] };
                Twice(node);
                return true;
            case "tmpfs":
                _read = _read with { Tmpfs = [.. _read.Tmpfs, .. _context.OneOrMore(node, key).Select(t => TmpfsReader.Short(_context, t)).OfType<ComposeTmpfs>()] };
                Twice(node);
                return true;
            case "networks":
                _read = _read with { Networks = _networks.Read(node) };
                return true;
            default:
                return false;
        }
    }

    private bool Life(string key, CatalogNode node)
    {
        switch (key)
        {
            case "depends_on":
                _read = _read with { DependsOn = LifeReader.DependsOn(_context, node) };
                return true;
            case "healthcheck":
                _read = _read with { Healthcheck = LifeReader.Healthcheck(_context, node) };
                return true;
            case "restart":
                _read = _read with { Restart = LifeReader.Restart(_context, node) };
                return true;
            case "stop_signal":
                _read = _read with { StopSignal = Matching(node, key, IsSignal, "a signal, as SIGTERM or 15") };
                return true;
            case "stop_grace_period":
                _read = _read with { StopGracePeriod = LifeReader.StopGrace(_context, node) };
                return true;
            case "container_name":
                _context.Note(node, "container_name: its name on the engine is ours; services find it by its service name");
                return true;
            default:
                return false;
        }
    }

    private void Twice(CatalogNode node)
    {
        var twice = _read.Mounts.Select(m => m.Path.Value).Concat(_read.Tmpfs.Select(t => t.Path.Value)).GroupBy(p => p, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1);
        if (twice is not null)
        {
            _context.Wrong(node, $"two things are mounted at {Quoted.Of(twice.Key)}");
        }
    }

    private IReadOnlyList<string>? CommandLine(CatalogNode node, string key)
    {
        if (node is CatalogNode.Scalar { IsNull: true })
        {
            return null;
        }

        IReadOnlyList<string>? words;
        if (node is CatalogNode.List)
        {
            words = [.. _context.Texts(node, key).Select(t => t.Value)];
        }
        else if (_context.Text(node, key) is not { } text)
        {
            return null;
        }
        else
        {
            words = ComposeTexts.Words(text.Value);
        }

        if (words is null || words.Any(w => w.Length > SourceParser.LongestArgument || w.Contains('\0', StringComparison.Ordinal)))
        {
            _context.Wrong(node, words is null ? $"{key}: a quote is not closed" : $"{key}: an argument holds a NUL or is longer than {SourceParser.LongestArgument} characters");
            return null;
        }

        return words;
    }

    private ContainerPath? WorkingPath(CatalogNode node, ComposeText text)
    {
        if (ContainerPath.TryParse(text.Value, out var path, out _))
        {
            return path;
        }

        _context.Wrong(node, $"working_dir: {text.Shown} is not an absolute path inside the container");
        return null;
    }

    private string? Matching(CatalogNode node, string key, Func<string, bool> fits, string form)
    {
        if (_context.Text(node, key) is not { } text)
        {
            return null;
        }

        if (fits(text.Value))
        {
            return text.Value;
        }

        _context.Wrong(node, $"{key}: {text.Shown} is not {form}");
        return null;
    }

    private SortedDictionary<string, string> Labels(CatalogNode node)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value, at) in _context.Pairs(node, "labels"))
        {
            if (name.Length is 0 or > 255 || name.StartsWith("dev.mcpruntime/", StringComparison.Ordinal) || name.StartsWith("com.docker.", StringComparison.Ordinal) || (value?.Length ?? 0) > 4096)
            {
                _context.Wrong(at, $"labels: {Quoted.Of(name)} is empty, too long, or begins with dev.mcpruntime/ or com.docker., which say what the runtime itself finds its things by");
            }
            else
            {
                labels[name] = value ?? "";
            }
        }

        return labels;
    }

    private IReadOnlyList<string> CapabilityNames(CatalogNode node, string key)
    {
        SortedSet<string> names = new(StringComparer.Ordinal);
        foreach (var text in _context.Texts(node, key))
        {
            var name = Guardrails.LinuxCapabilities.Normalise(text.Value);
            if (Guardrails.LinuxCapabilities.IsKnown(name))
            {
                names.Add(name);
            }
            else
            {
                _context.Wrong(text.Node, $"{key}: {text.Shown} is not a capability of Linux");
            }
        }

        return [.. names];
    }

    private string? Platform(CatalogNode node)
    {
        if (_context.Text(node, "platform") is not { } text)
        {
            return null;
        }

        if (ComposePlatform.Normalise(text.Value) is { } platform)
        {
            return platform;
        }

        _context.Wrong(node, $"platform: {text.Shown} is not one: write os/architecture, as linux/amd64");
        return null;
    }

    private static bool UserPattern(string text)
    {
        var parts = text.Split(':');
        return parts.Length <= 2 && parts.All(p => p.Length is > 0 and <= 32 && p.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.'));
    }

    private static bool IsSignal(string text) =>
        text.Length is > 0 and <= 12 && (ComposeTexts.TryWhole(text, 1, 64, out _) || (text.StartsWith("SIG", StringComparison.Ordinal) && text.All(c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c is '+' or '-')));
}
