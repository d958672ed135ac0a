using System.Globalization;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Git;

/// <summary>A repository's address, taken apart by us: what git is given is put together from these parts.</summary>
internal sealed record GitRepository(string Scheme, string Host, int Port, string Path)
{
    private const int Longest = 512;

    private const string Local = "file";

    /// <summary>On this machine: there is no host, and nobody to be asked for it.</summary>
    public bool IsLocal => Scheme == Local;

    /// <summary><c>host</c> or <c>host:port</c>, as the allow-list and the credentials write it.</summary>
    public string Authority => IsUsualPort ? Host : string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    public string Url => $"{Scheme}://{(IsLocal ? "" : Authority)}/{Path}";

    private bool IsUsualPort => Port == (Scheme == "https" ? 443 : 80);

    /// <exception cref="BackendFault">No such address is ever asked.</exception>
    public static GitRepository Parse(string url, GitOptions options)
    {
        var (repository, problem) = Read(url, options.Schemes);
        return repository is null ? throw Refused(problem)
            : repository.IsLocal || options.AllowedHosts.Contains(repository.Authority, StringComparer.OrdinalIgnoreCase) ? repository
            : throw Refused($"is on {repository.Authority}, which is not in RUNTIME_GIT_ALLOWED_HOSTS ({string.Join(", ", options.AllowedHosts)})");
    }

    /// <returns>The repository, whatever host it is on, or what is wrong with its address.</returns>
    public static (GitRepository? Repository, string Problem) Read(string url, IReadOnlyList<string> schemes)
    {
        // Not quoted back where it may hold a password.
        if (url.Length > Longest || url.Contains('@', StringComparison.Ordinal) || !Uri.TryCreate(url, UriKind.Absolute, out var uri))
        {
            return (null, "is not an https address without credentials");
        }

        if (!schemes.Contains(uri.Scheme, StringComparer.Ordinal) || uri.Scheme is not ("https" or "http" or Local))
        {
            return (null, $"has the scheme {uri.Scheme}; allowed: {string.Join(", ", schemes)}");
        }

        var repository = new GitRepository(uri.Scheme, uri.IdnHost.ToLowerInvariant(), uri.Port, uri.AbsolutePath.Trim('/'));
        return uri.Query.Length > 0 || uri.Fragment.Length > 0 || !repository.Path.Split('/').All(IsPart) ? (null, "is not a repository: https://host/owner/name is expected")
            : repository.IsLocal && repository.Host.Length > 0 ? (null, "names a host; a repository on this machine is file:///path")
            : (repository, "");
    }

    public override string ToString() => Url;

    private static bool IsPart(string part) =>
        part.Length is > 0 and <= 100 && part is not (".git" or "." or "..") && part[0] != '-' && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    private static BackendFault Refused(string why) => new(new Fault(FaultKind.Refused, "BadRepository", $"The repository's address {why}."));
}
