using McpRuntime.Core.Compose;

namespace McpRuntime.Core.Specs;

/// <summary>A source as sent → the one of three shapes it is, or what is wrong with it. What a repository holds is checked when it is there.</summary>
public static class SourceParser
{
    public const int MostArguments = 256;

    public const int LongestArgument = 32 * 1024;

    public const int LongestComposeFile = 256 * 1024;

    private const int MostBuildArgs = 64;

    private const int LongestBuildArg = 4096;

    private static readonly string[] Types = ["docker", "github", "compose"];

    /// <param name="allowedGitHosts">Null: any host; the one who deploys is held to the list.</param>
    /// <returns>Null exactly when errors were added.</returns>
    public static Source? Parse(SourceRequest source, IReadOnlyList<string>? allowedGitHosts, string path, ICollection<ValidationError> errors)
    {
        var before = errors.Count;
        var fields = new SourceFields(source, path, errors);
        Source? parsed = source.Type switch
        {
            "docker" => Docker(fields),
            "github" => GitHub(fields, allowedGitHosts),
            "compose" => Compose(fields, allowedGitHosts),
            null or "" => fields.Wrong<Source>("type", $"is missing: one of {string.Join(", ", Types)}"),
            var other => fields.Wrong<Source>("type", $"{Quoted.Of(other)} is not a source type: one of {string.Join(", ", Types)}"),
        };
        return errors.Count == before ? parsed : null;
    }

    private static Source.Docker? Docker(SourceFields fields)
    {
        fields.Allow("docker", "image", "command");
        fields.Command();
        if (!ImageReference.TryParse(fields.Sent.Image, out var image, out var why))
        {
            return fields.Wrong<Source.Docker>("image", why);
        }

        return new Source.Docker(image.ToString(), fields.Sent.Command is { Count: > 0 } command ? [.. command] : null);
    }

    private static Source.GitHub? GitHub(SourceFields fields, IReadOnlyList<string>? allowedGitHosts)
    {
        var sent = fields.Sent;
        fields.Allow("github", "repo", "ref", "branch", "commit", "dockerfile", "context", "build_args", "push_to_registry", "registry");
        var repo = fields.Repository(allowedGitHosts);
        var reference = Ref(fields);
        var dockerfile = fields.Inside("dockerfile", sent.Dockerfile ?? "Dockerfile");
        var context = fields.Inside("context", sent.Context ?? ".");
        BuildArgs(fields);
        var push = sent.PushToRegistry ?? false;
        if (push && string.IsNullOrEmpty(sent.Registry))
        {
            fields.Wrong<Source>("registry", "is missing: push_to_registry needs to know where to, such as ghcr.io/owner");
        }
        else if (sent.Registry is not null && !ImageReference.TryParse(sent.Registry.TrimEnd('/') + "/x", out _, out var why))
        {
            fields.Wrong<Source>("registry", why);
        }

        return repo is null || reference is null || dockerfile is null || context is null
            ? null
            : new Source.GitHub(repo, reference, dockerfile, context, Sorted(sent.BuildArgs), push, push ? sent.Registry?.TrimEnd('/') : null);
    }

    private static Source.Compose? Compose(SourceFields fields, IReadOnlyList<string>? allowedGitHosts)
    {
        var sent = fields.Sent;
        fields.Allow("compose", "compose_file", "repo", "ref", "branch", "commit", "path", "main_service");
        if (sent.MainService is { } main && !ComposeNodes.IsName(main))
        {
            fields.Wrong<Source>("main_service", "is not a service's name: say which service speaks MCP");
        }

        if ((sent.ComposeFile is null) == (sent.Repo is null))
        {
            return fields.Wrong<Source.Compose>("compose_file", "give exactly one of compose_file (the file's text) and repo with path");
        }

        if (sent.ComposeFile is { } file)
        {
            return file.Length is 0 or > LongestComposeFile
                ? fields.Wrong<Source.Compose>("compose_file", $"has {file.Length} characters; between 1 and {LongestComposeFile} are allowed")
                : new Source.Compose(file, Repo: null, Ref: null, Path: null, sent.MainService ?? "");
        }

        var repo = fields.Repository(allowedGitHosts);
        var reference = Ref(fields);
        var path = fields.Inside("path", sent.Path ?? "");
        return repo is null || reference is null || path is null ? null : new Source.Compose(File: null, repo, reference, path, sent.MainService ?? "");
    }

    /// <summary>At most one of ref, branch and commit; <c>main</c> when there is none.</summary>
    private static string? Ref(SourceFields fields)
    {
        var sent = fields.Sent;
        if (new[] { sent.Ref, sent.Branch, sent.Commit }.Count(value => value is not null) > 1)
        {
            return fields.Wrong<string>("ref", "give at most one of ref, branch and commit");
        }

        if (sent.Commit is { } commit)
        {
            return GitRefName.IsCommit(commit) ? commit : fields.Wrong<string>("commit", "must be the 40 lower-case hex digits of a commit");
        }

        var reference = sent.Ref ?? sent.Branch ?? "main";
        return GitRefName.IsRef(reference) ? reference : fields.Wrong<string>(sent.Ref is null ? "branch" : "ref", $"{Quoted.Of(reference)} is not the name of a branch or tag");
    }

    private static void BuildArgs(SourceFields fields)
    {
        if (fields.Sent.BuildArgs is not { } args)
        {
            return;
        }

        if (args.Count > MostBuildArgs)
        {
            fields.Wrong<Source>("build_args", $"has {args.Count} arguments; at most {MostBuildArgs} are allowed");
            return;
        }

        foreach (var (name, value) in args)
        {
            if (!EnvironmentName.TryParse(name, out var good, out var why))
            {
                fields.Wrong<Source>("build_args", why);
            }
            else if (value is null || value.Length > LongestBuildArg || value.Contains('\0', StringComparison.Ordinal))
            {
                fields.Wrong<Source>($"build_args.{good}", $"is null, holds a NUL or is longer than {LongestBuildArg} characters");
            }
        }
    }

    private static SortedDictionary<string, string> Sorted(IReadOnlyDictionary<string, string>? map)
    {
        var sorted = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in map ?? new Dictionary<string, string>(StringComparer.Ordinal))
        {
            sorted[name] = value;
        }

        return sorted;
    }
}
