using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace McpRuntime.Core.Specs;

/// <summary>An image by its full name: registry, repository, and a tag or a digest.</summary>
/// <remarks>
/// Normalised as Docker does: no registry means <c>docker.io</c>, one word there means <c>library/</c>, nothing after it means
/// <c>latest</c>. A digest says all, so a tag beside one is dropped: nobody would check that they agree.
/// </remarks>
public sealed record ImageReference
{
    private const int LongestRepository = 255;

    private const int LongestTag = 128;

    private const int Longest = 512;

    private const string Example = "write it as registry/repository:tag or registry/repository@sha256:…";

    private static readonly SearchValues<char> Hex = SearchValues.Create("0123456789abcdef");

    private static readonly SearchValues<char> LowerAlphanumeric = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789");

    private ImageReference(string registry, string repository, string? tag, string? digest)
    {
        Registry = registry;
        Repository = repository;
        Tag = digest is null ? tag ?? "latest" : null;
        Digest = digest;
    }

    /// <summary><c>docker.io</c>, <c>ghcr.io</c>, <c>localhost:5000</c>.</summary>
    public string Registry { get; }

    /// <summary><c>library/nginx</c>.</summary>
    public string Repository { get; }

    /// <summary>Null exactly when there is a digest.</summary>
    public string? Tag { get; }

    /// <summary><c>sha256:</c> and 64 hex digits.</summary>
    public string? Digest { get; }

    /// <summary>Registry and repository: what allow-lists speak of.</summary>
    public string Name => $"{Registry}/{Repository}";

    public static bool TryParse(string? text, [NotNullWhen(true)] out ImageReference? image, [NotNullWhen(false)] out string? error)
    {
        image = null;
        error = text switch
        {
            null or "" => $"is missing: {Example}",
            _ when text.Length > Longest => $"has {text.Length} characters; at most {Longest} are allowed",
            _ when text[0] == '-' => $"{Quoted.Of(text)} begins with a hyphen, as an option would",
            _ when text.Contains("..", StringComparison.Ordinal) => $"{Quoted.Of(text)} holds \"..\"",
            _ when text.StartsWith("sha256:", StringComparison.Ordinal) => "is an engine's image id, which says nothing of where the image comes from; give its name",
            _ when text.Contains("://", StringComparison.Ordinal) => $"{Quoted.Of(text)} is a URL: leave the scheme out",
            _ => null,
        };
        if (error is not null)
        {
            return false;
        }

        error = Split(text!, out image);
        return error is null;
    }

    /// <summary>Whether an allow-list entry covers this image: equal, or a prefix that ends where a path part ends.</summary>
    public bool IsWithin(string prefix)
    {
        var entry = prefix.AsSpan().Trim().TrimEnd('/');
        var name = Name.AsSpan();
        if (entry.StartsWith("index.docker.io", StringComparison.OrdinalIgnoreCase))
        {
            entry = entry["index.".Length..];
        }

        return !entry.IsEmpty && name.StartsWith(entry, StringComparison.OrdinalIgnoreCase) && (name.Length == entry.Length || name[entry.Length] == '/');
    }

    /// <param name="prefixes">Empty covers nothing; <c>*</c> covers everything.</param>
    public bool IsWithinAny(IReadOnlyList<string> prefixes) => prefixes.Any(p => p == "*" || IsWithin(p));

    public override string ToString() => Digest is null ? $"{Name}:{Tag}" : $"{Name}@{Digest}";

    private static string? Split(string text, out ImageReference? image)
    {
        image = null;
        var name = text.AsSpan();
        string? digest = null;
        if (name.IndexOf('@') is var at and >= 0)
        {
            digest = name[(at + 1)..].ToString();
            name = name[..at];
            if (!IsDigest(digest))
            {
                return $"{Quoted.Of(text)}: what follows \"@\" must be \"sha256:\" and 64 lower-case hex digits";
            }
        }

        string? tag = null;
        if (name.LastIndexOf(':') is var colon && colon > name.LastIndexOf('/'))
        {
            tag = name[(colon + 1)..].ToString();
            name = name[..colon];
            if (!IsTag(tag))
            {
                return $"{Quoted.Of(text)}: a tag is letters, digits, \"_\", \".\" and \"-\", at most {LongestTag}, not beginning with \".\" or \"-\"";
            }
        }

        if (name.IndexOfAnyInRange('A', 'Z') >= 0)
        {
            return $"{Quoted.Of(text)}: the name of an image is all lower case";
        }

        return Named(text, name, tag, digest, out image);
    }

    private static string? Named(string text, ReadOnlySpan<char> name, string? tag, string? digest, out ImageReference? image)
    {
        image = null;
        var registry = "docker.io";
        if (name.IndexOf('/') is var slash and >= 0 && IsHost(name[..slash]))
        {
            registry = name[..slash].ToString();
            name = name[(slash + 1)..];
            if (!IsRegistry(registry))
            {
                return $"{Quoted.Of(text)}: {Quoted.Of(registry)} is not a registry: a host name and, if needed, a port";
            }

            registry = registry == "index.docker.io" ? "docker.io" : registry;
        }

        if (name.Length > LongestRepository || !IsRepository(name))
        {
            return $"{Quoted.Of(text)} is not an image: {Example}; parts are lower-case letters and digits with single \".\", \"_\", \"__\" or hyphens between";
        }

        var repository = registry == "docker.io" && name.IndexOf('/') < 0 ? $"library/{name}" : name.ToString();
        image = new ImageReference(registry, repository, tag, digest);
        return null;
    }

    // The rule by which Docker tells ghcr.io/x from library/x.
    private static bool IsHost(ReadOnlySpan<char> first) => first.IndexOfAny('.', ':') >= 0 || first is "localhost";

    private static bool IsRegistry(string registry)
    {
        var colon = registry.IndexOf(':', StringComparison.Ordinal);
        var host = colon < 0 ? registry : registry[..colon];
        return host.Length <= 253
            && host.Split('.').All(RuntimeName.IsLabel)
            && (colon < 0 || (registry.Length - colon <= 6 && int.TryParse(registry.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < 65536));
    }

    private static bool IsRepository(ReadOnlySpan<char> repository)
    {
        foreach (var range in repository.Split('/'))
        {
            if (!IsPathPart(repository[range]))
            {
                return false;
            }
        }

        // 64 hex digits are read as an image id by engines, not as a name.
        return !(repository.Length == 64 && repository.IndexOfAnyExcept(Hex) < 0);
    }

    /// <summary>Runs of letters and digits, with one of <c>.</c>, <c>_</c>, <c>__</c> or any number of hyphens between two.</summary>
    private static bool IsPathPart(ReadOnlySpan<char> part)
    {
        if (part.IsEmpty || !IsAlphanumeric(part[0]) || !IsAlphanumeric(part[^1]))
        {
            return false;
        }

        for (var i = 0; i < part.Length;)
        {
            var run = part[i..].IndexOfAnyExcept(LowerAlphanumeric);
            if (run < 0)
            {
                return true;
            }

            i += run;
            var separator = part[i..];
            var length = separator.IndexOfAny(LowerAlphanumeric);
            if (length < 0 || !(separator[..length] is "." or "_" or "__" || separator[..length].IndexOfAnyExcept('-') < 0))
            {
                return false;
            }

            i += length;
        }

        return true;
    }

    private static bool IsAlphanumeric(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c);

    private static bool IsTag(string tag) =>
        tag.Length is > 0 and <= LongestTag && tag[0] is not ('.' or '-') && tag.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    private static bool IsDigest(string digest) =>
        digest.Length == 71 && digest.StartsWith("sha256:", StringComparison.Ordinal) && digest.AsSpan(7).IndexOfAnyExcept(Hex) < 0;
}
