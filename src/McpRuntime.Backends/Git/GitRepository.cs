using System.Globalization;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Git;

/// <summary>A repository's address, taken apart by us: what git is given is put together from these parts.</summary>
internal sealed record GitRepository(string Scheme, string Host, int Port, string Path)
{
    private const int Longest = 512;

    /// <summary><c>host</c> or <c>host:port</c>, as the allow-list and the credentials write it.</summary>
    public string Authority => IsUsualPort ? Host : string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    public string Url => $"{Scheme}://{Authority}/{Path}";

    private bool IsUsualPort => Port == (Scheme == "https" ? 443 : 80);

    /// <exception cref="BackendFault">No such address is ever asked.</exception>
    public static GitRepository Parse(string url, GitOptions options)
    {
        // Not quoted back where it may hold a password.
        if (url.Length > Longest || url.Contains('@', StringComparison.Ordinal) || !Uri.TryCreate(url, UriKind.Absolute, out var uri))
        {
            throw Refused("is not an https address without credentials");
        }

        if (!options.Schemes.Contains(uri.Scheme, StringComparer.Ordinal) || uri.Scheme is not ("https" or "http"))
        {
            throw Refused($"has the scheme {uri.Scheme}; allowed: {string.Join(", ", options.Schemes)}");
        }

        var repository = new GitRepository(uri.Scheme, uri.IdnHost.ToLowerInvariant(), uri.Port, uri.AbsolutePath.Trim('/'));
        if (uri.Query.Length > 0 || uri.Fragment.Length > 0 || !repository.Path.Split('/').All(IsPart))
        {
            throw Refused("is not a repository: https://host/owner/name is expected");
        }

        return options.AllowedHosts.Contains(repository.Authority, StringComparer.OrdinalIgnoreCase)
            ? repository
            : throw Refused($"is on {repository.Authority}, which is not in RUNTIME_GIT_ALLOWED_HOSTS ({string.Join(", ", options.AllowedHosts)})");
    }

    public override string ToString() => Url;

    private static bool IsPart(string part) =>
        part.Length is > 0 and <= 100 && part is not (".git" or "." or "..") && part[0] != '-' && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    private static BackendFault Refused(string why) => new(new Fault(FaultKind.Refused, "BadRepository", $"The repository's address {why}."));
}
