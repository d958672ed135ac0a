using System.Text;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>An image that is made of one commit. Holds build arguments, which may be secrets.</summary>
/// <param name="Network">What a step is attached to: <c>none</c>, or a network of this runtime.</param>
/// <param name="TeamId">Whose git and registry credentials may be used.</param>
/// <param name="Pushed">The digest under which the registry has it already; null before it was pushed, or when it is not to be.</param>
/// <param name="Bases">What each image that the Dockerfile names was pinned to; null of a generation from before such pins, which are then made at the build.</param>
internal sealed record BuildBody(Source.GitHub Source, string Commit, string Network, string? TeamId, string? Pushed, IReadOnlyDictionary<string, string>? Bases) : ResourceBody
{
    /// <summary>Where it is pushed to; null keeps it on the engine.</summary>
    public string? PushName(RuntimeIdentity id) => Source is { PushToRegistry: true, Registry: { } registry } ? $"{registry}/mcp-{id.Short}" : null;

    public string PushTag => Commit[..12];

    /// <summary>Keyed: an argument may be a secret, and short.</summary>
    public static string Fingerprint(Source.GitHub source, string commit, string network, IReadOnlyDictionary<string, string>? bases, KeyedHash hash)
    {
        var text = new StringBuilder("build/1\n");
        foreach (var part in new[] { source.Repo, commit, source.Dockerfile, source.Context, source.PushToRegistry ? source.Registry : "", network })
        {
            _ = text.Append(part).Append('\n');
        }

        foreach (var (name, value) in source.BuildArgs.OrderBy(a => a.Key, StringComparer.Ordinal))
        {
            _ = text.Append(name).Append('=').Append(value.Length).Append(':').Append(value).Append('\n');
        }

        foreach (var (image, pin) in (bases ?? new Dictionary<string, string>(StringComparer.Ordinal)).OrderBy(b => b.Key, StringComparer.Ordinal))
        {
            _ = text.Append("FROM ").Append(image).Append('=').Append(pin).Append('\n');
        }

        return DockerNames.Digest(hash.Of(text.ToString()));
    }
}
