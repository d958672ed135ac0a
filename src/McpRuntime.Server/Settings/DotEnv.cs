namespace McpRuntime.Server.Settings;

/// <summary>The <c>.env</c> file of the working folder: <c>NAME=value</c> lines, <c>#</c> comments, an optional <c>export</c>, single or double quotes.</summary>
internal static class DotEnv
{
    public const string FileName = ".env";

    // A settings file of more than this is a mistake (a log, an archive), not settings.
    private const int MaxBytes = 1 << 20;

    /// <summary>Puts what the file names into the process environment, where the host, OpenTelemetry and <c>secret://env</c> look too. What is set already wins.</summary>
    public static void Load(string folder)
    {
        var file = new FileInfo(Path.Combine(folder, FileName));
        if (!file.Exists)
        {
            return;
        }

        if (file.Length > MaxBytes)
        {
            throw new InvalidSettings([$"{file.FullName}: is {file.Length} bytes; at most {MaxBytes} are read"]);
        }

        foreach (var (name, value) in Parse(File.ReadAllText(file.FullName), file.FullName))
        {
            if (Environment.GetEnvironmentVariable(name) is null)
            {
                Environment.SetEnvironmentVariable(name, value);
            }
        }
    }

    public static IReadOnlyDictionary<string, string> Parse(string text, string place)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var errors = new List<string>();
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (line.StartsWith("export ", StringComparison.Ordinal))
            {
                line = line["export ".Length..].TrimStart();
            }

            var equals = line.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? line : line[..equals].TrimEnd();
            if (equals <= 0 || !IsName(name))
            {
                // The line itself is not shown: it may hold a secret.
                errors.Add($"{place}:{number}: expected NAME=value");
                continue;
            }

            values[name] = Unquote(line[(equals + 1)..].Trim());
        }

        return errors.Count == 0 ? values : throw new InvalidSettings(errors);
    }

    private static bool IsName(string name) =>
        !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    private static string Unquote(string value)
    {
        if (value.Length >= 2 && value[0] is '"' or '\'' && value[^1] == value[0])
        {
            return value[1..^1];
        }

        var comment = value.IndexOf(" #", StringComparison.Ordinal);
        return comment < 0 ? value : value[..comment].TrimEnd();
    }
}
