using System.Globalization;
using System.Text;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Git;

/// <summary>
/// All the configuration a run of git sees, in a file of mode 0600 in its own throw-away folder. Credentials are in here: an argument
/// vector and an environment can be read by others, and a helper would be another program.
/// </summary>
internal static class GitConfiguration
{
    private const string Name = "gitconfig";

    public static string FileIn(string folder) => Path.Combine(folder, Name);

    /// <param name="addresses">What the host resolved to, and was judged: git connects to these and asks no resolver again.</param>
    public static async Task WriteAsync(string folder, GitRepository repository, IReadOnlyList<string> addresses, string? authorities, SecretText? authorization, GitSigners? signers, CancellationToken ct)
    {
        var text = new StringBuilder();
        void Section(string name, params ReadOnlySpan<(string Key, string Value)> values)
        {
            _ = text.Append('[').Append(name).Append("]\n");
            foreach (var (key, value) in values)
            {
                _ = text.Append('\t').Append(key).Append(" = ").Append(Quote(value)).Append('\n');
            }
        }

        Section("core", ("hooksPath", "/dev/null"), ("attributesFile", "/dev/null"), ("autocrlf", "false"), ("fsmonitor", "false"), ("symlinks", "true"), ("bigFileThreshold", "16m"), ("protectHFS", "true"), ("protectNTFS", "true"));
        Section("credential", ("helper", ""));
        Section("protocol", ("allow", "never"), ("version", "2"));
        Section($"protocol \"{repository.Scheme}\"", ("allow", "always"));
        Section("fetch", ("unpackLimit", "1"), ("recurseSubmodules", "false"), ("writeCommitGraph", "false"));
        Section("submodule", ("recurse", "false"));
        Section("gc", ("auto", "0"));
        Section("maintenance", ("auto", "false"));
        Section("advice", ("detachedHead", "false"));

        if (repository.IsLocal)
        {
            // Whose the folder is was judged by who put it into the settings.
            Section("safe", ("directory", $"/{repository.Path}"));
        }

        // A redirect would lead to a host that nobody judged, and would be given our header.
        Section("http", ("followRedirects", "false"), ("proxy", ""), ("lowSpeedLimit", "1000"), ("lowSpeedTime", "30"), ("emptyAuth", "false"));
        if (addresses.Count > 0)
        {
            Section("http", ("curloptResolve", string.Create(CultureInfo.InvariantCulture, $"{repository.Host}:{repository.Port}:{string.Join(',', addresses)}")));
        }

        if (authorities is not null)
        {
            Section("http", ("sslCAInfo", Path.GetFullPath(authorities)));
        }

        if (authorization is not null)
        {
            Section($"http {Quote($"{repository.Scheme}://{repository.Authority}/")}", ("extraHeader", "Authorization: " + authorization.Reveal()));
        }

        if (signers is not null)
        {
            // A certificate of the machine's own trust list is nobody whom the settings name.
            Section("gpg \"x509\"", ("program", "/bin/false"));
            if (signers.AllowedSigners is { } file)
            {
                Section("gpg \"ssh\"", ("allowedSignersFile", Path.GetFullPath(file)));
            }
        }

        await WriteAsync(folder, text, ct);
    }

    private static async Task WriteAsync(string folder, StringBuilder text, CancellationToken ct)
    {
        var file = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            file.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        await using var writer = new StreamWriter(FileIn(folder), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), file);
        await writer.WriteAsync(text, ct);
    }

    private static string Quote(string value) => $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
