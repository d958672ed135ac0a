namespace McpRuntime.Core.Specs;

/// <summary>The checks that the three shapes of a source share, with the place errors go to.</summary>
internal sealed class SourceFields(SourceRequest sent, string path, ICollection<ValidationError> errors)
{
    private const int LongestUrl = 512;

    public SourceRequest Sent { get; } = sent;

    public T? Wrong<T>(string field, string message)
        where T : class
    {
        errors.Add(new ValidationError($"{path}.{field}", message));
        return null;
    }

    /// <summary>A field of another shape is an error, not silence: it would look as if it were obeyed.</summary>
    public void Allow(string type, params ReadOnlySpan<string> allowed)
    {
        foreach (var (field, given) in Given())
        {
            if (given && !allowed.Contains(field))
            {
                Wrong<Source>(field, $"is not a field of a {type} source");
            }
        }
    }

    public void Command()
    {
        if (Sent.Command is not { } command)
        {
            return;
        }

        if (command.Count > SourceParser.MostArguments)
        {
            Wrong<Source>("command", $"has {command.Count} arguments; at most {SourceParser.MostArguments} are allowed");
        }
        else if (command.Any(argument => argument is null || argument.Length > SourceParser.LongestArgument || argument.Contains('\0', StringComparison.Ordinal)))
        {
            Wrong<Source>("command", $"an argument is null, holds a NUL or is longer than {SourceParser.LongestArgument} characters");
        }
    }

    /// <summary>A relative path that can't name anything outside; links are checked in the checkout.</summary>
    public string? Inside(string field, string text)
    {
        var parts = text.Split('/');
        var good = text.Length is > 0 and <= 512
            && text[0] is not ('/' or '-')
            && !text.Any(c => c is < ' ' or > '~' or '\\' or ':')
            && !parts.Contains("..", StringComparer.Ordinal)
            && !parts.Contains(".git", StringComparer.OrdinalIgnoreCase);
        return good ? text : Wrong<string>(field, $"{Quoted.Of(text)} is not a path inside the repository: relative, with \"/\" between parts, without \"..\"");
    }

    /// <summary><c>owner/name</c> or an https URL, on an allowed host; as a URL without <c>.git</c>.</summary>
    public string? Repository(IReadOnlyList<string>? allowedHosts)
    {
        const string Form = "write it as owner/name or https://host/owner/name";
        if (Sent.Repo is not { Length: > 0 and <= LongestUrl } text)
        {
            return Wrong<string>("repo", $"is missing or longer than {LongestUrl} characters: {Form}");
        }

        const string Https = "https://";
        var at = text.IndexOf("://", StringComparison.Ordinal);
        if (at >= 0 && !text.StartsWith(Https, StringComparison.OrdinalIgnoreCase))
        {
            return Wrong<string>("repo", $"has another scheme than https: {Form}");
        }

        // Not quoted back: what stands before "@" may be a password.
        if (text.Contains('@', StringComparison.Ordinal))
        {
            return Wrong<string>("repo", "holds \"@\": credentials come from the settings, by host, never from a URL");
        }

        var parts = (at < 0 ? "github.com/" + text : text[Https.Length..]).TrimEnd('/').Split('/');
        var host = WithoutUsualPort(parts[0].ToLowerInvariant());
        if (parts.Length < 3 || (at < 0 && parts.Length != 3) || !IsHost(host) || !parts.Skip(1).All(IsRepositoryPart))
        {
            return Wrong<string>("repo", $"{Quoted.Of(text)} is not a repository: {Form}");
        }

        if (allowedHosts?.Contains(host, StringComparer.OrdinalIgnoreCase) == false)
        {
            return Wrong<string>("repo", $"the host {host} is not in RUNTIME_GIT_ALLOWED_HOSTS ({string.Join(", ", allowedHosts)})");
        }

        var url = $"{Https}{host}/{string.Join('/', parts.Skip(1))}";
        return url.EndsWith(".git", StringComparison.Ordinal) ? url[..^4] : url;
    }

    /// <summary>What is asked for one repository has to hold for it by whatever spelling.</summary>
    private static string WithoutUsualPort(string host)
    {
        var colon = host.IndexOf(':', StringComparison.Ordinal);
        return colon >= 0 && host[(colon + 1)..].TrimStart('0') == "443" ? host[..colon] : host;
    }

    private static bool IsHost(string host)
    {
        var colon = host.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? host : host[..colon];
        return name.Split('.').All(RuntimeName.IsLabel) && (colon < 0 || (host.Length - colon is > 1 and <= 6 && host.AsSpan(colon + 1).IndexOfAnyExceptInRange('0', '9') < 0));
    }

    private static bool IsRepositoryPart(string part) =>
        part.Length is > 0 and <= 100 && part is not (".git" or "." or "..") && part[0] != '-' && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    private IEnumerable<(string Field, bool Given)> Given() =>
    [
        ("image", Sent.Image is not null),
        ("command", Sent.Command is not null),
        ("repo", Sent.Repo is not null),
        ("ref", Sent.Ref is not null),
        ("branch", Sent.Branch is not null),
        ("commit", Sent.Commit is not null),
        ("dockerfile", Sent.Dockerfile is not null),
        ("context", Sent.Context is not null),
        ("build_args", Sent.BuildArgs is not null),
        ("push_to_registry", Sent.PushToRegistry is not null),
        ("registry", Sent.Registry is not null),
        ("compose_file", Sent.ComposeFile is not null),
        ("path", Sent.Path is not null),
        ("main_service", Sent.MainService is not null),
    ];
}
