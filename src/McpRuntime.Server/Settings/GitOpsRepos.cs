using System.Text.Json;
using System.Text.Json.Serialization;
using McpRuntime.Backends.Git;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Settings;

/// <summary>A repository that runtimes are declared in. Its owner is <c>git:&lt;name&gt;</c>.</summary>
/// <param name="Url">Without credentials.</param>
/// <param name="Ref">A branch, a tag or a commit.</param>
/// <param name="Path">A folder or one file, from the root of the repository; empty = all of it.</param>
/// <param name="Prune">False: what is not in the repository any more stays.</param>
/// <param name="Credentials">A file as RUNTIME_GIT_CREDENTIALS; null = that one.</param>
/// <param name="Signers">Not null: a commit that none of these has signed is not applied.</param>
internal sealed record GitRepo(
    string Name,
    string Url,
    string Ref,
    string Path,
    TimeSpan Interval,
    bool Prune,
    string? Credentials,
    GitSigners? Signers,
    bool AllowEmpty,
    bool AllowLargePrune)
{
    public string Owner => $"git:{Name}";
}

/// <summary>RUNTIME_GITOPS_REPOS, and the settings that go with it.</summary>
internal static class GitOpsRepos
{
    private const string Variable = "RUNTIME_GITOPS_REPOS";

    private const string Form = "a JSON array of {\"name\", \"url\", \"ref\", \"path\", \"interval_seconds\", \"prune\", \"credentials\", \"verify_signatures\", \"allow_empty\", \"allow_large_prune\"}; name and url are required";

    private const int Most = 100;

    /// <param name="protocols">RUNTIME_GIT_PROTOCOLS.</param>
    public static IReadOnlyList<GitRepo> Read(SettingsReader read, IReadOnlyList<string> protocols)
    {
        var signers = new GitSigners(read.ExistingFile("RUNTIME_GIT_ALLOWED_SIGNERS"), Folder(read, "RUNTIME_GIT_GPG_HOME"));
        List<GitRepo> repos = [];
        foreach (var (entry, index) in Entries(read).Select((entry, index) => (entry, index)))
        {
            var problems = Problems(entry, protocols, signers).ToList();
            if (repos.Any(other => other.Name == entry.Name))
            {
                problems.Add("name: stands twice");
            }

            if (problems.Count > 0)
            {
                problems.ForEach(problem => read.Refuse(Variable, $"[{index}].{problem}"));
                continue;
            }

            repos.Add(new GitRepo(
                entry.Name!,
                entry.Url!,
                entry.Ref ?? "main",
                PathOf(entry.Path ?? ""),
                TimeSpan.FromSeconds(entry.IntervalSeconds ?? 60),
                entry.Prune ?? true,
                entry.Credentials,
                entry.VerifySignatures == true ? signers : null,
                entry.AllowEmpty ?? false,
                entry.AllowLargePrune ?? false));
        }

        return repos;
    }

    private static List<Entry> Entries(SettingsReader read)
    {
        try
        {
            return SourcePolicies.JsonText(read, Variable, JsonValueKind.Array, Form) is { } text ? JsonSerializer.Deserialize<List<Entry>>(text, Entry.Json) ?? [] : [];
        }
        catch (JsonException fault)
        {
            read.Refuse(Variable, $"{fault.Path}: allowed is {Form}");
            return [];
        }
    }

    private static IEnumerable<string> Problems(Entry entry, IReadOnlyList<string> protocols, GitSigners signers)
    {
        if (!RuntimeName.TryParse(entry.Name, out _, out var why))
        {
            yield return $"name: {why}";
        }

        if (entry.Url is null || GitAddress.Problem(entry.Url, protocols) is not null)
        {
            yield return $"url: {(entry.Url is null ? "is missing" : GitAddress.Problem(entry.Url, protocols))} (RUNTIME_GIT_PROTOCOLS allows {string.Join(", ", protocols)}; ssh is not spoken: use https with a token)";
        }

        if (entry.Ref is { } reference && !GitRefName.IsRef(reference) && !GitRefName.IsCommit(reference))
        {
            yield return $"ref: {Quoted.Of(reference)} is not the name of a branch or tag, nor a commit";
        }

        if (entry.Path is { } path && !IsInside(path))
        {
            yield return $"path: {Quoted.Of(path)} is not a path inside the repository: relative, with \"/\" between parts, without \"..\"";
        }

        if (entry.IntervalSeconds is < 5 or > 86_400)
        {
            yield return $"interval_seconds: {entry.IntervalSeconds} is not from 5 to 86400";
        }

        if (entry.Credentials is { } file && !File.Exists(file))
        {
            yield return $"credentials: no file at {file}; it names a file as RUNTIME_GIT_CREDENTIALS, never a password";
        }

        if (entry.VerifySignatures == true && signers is { AllowedSigners: null, GpgHome: null })
        {
            yield return "verify_signatures: needs RUNTIME_GIT_ALLOWED_SIGNERS or RUNTIME_GIT_GPG_HOME: who may sign";
        }
    }

    private static bool IsInside(string path) =>
        path.Length <= 512 && !path.StartsWith('/') && !path.Any(char.IsControl) && !path.Contains('\\', StringComparison.Ordinal) && !path.Split('/').Any(part => part is ".." or ".git");

    private static string PathOf(string path) => string.Join('/', path.Split('/').Where(part => part is not ("" or ".")));

    private static string? Folder(SettingsReader read, string name)
    {
        var folder = read.Text(name);
        if (folder is not null && !Directory.Exists(folder))
        {
            read.Refuse(name, $"no folder at {folder}");
        }

        return folder;
    }

    private sealed record Entry(
        string? Name,
        string? Url,
        string? Ref,
        string? Path,
        int? IntervalSeconds,
        bool? Prune,
        string? Credentials,
        bool? VerifySignatures,
        bool? AllowEmpty,
        bool? AllowLargePrune)
    {
        public static readonly JsonSerializerOptions Json = new()
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        };
    }
}
