using System.Globalization;
using System.Net;
using System.Text.Json;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Settings;

/// <summary>Reads variables one by one, keeps every error, and remembers which names are known. A blank value is an unset one.</summary>
internal sealed class SettingsReader(IReadOnlyDictionary<string, string> environment)
{
    private static readonly string[] Yes = ["true", "1", "yes", "on"];
    private static readonly string[] No = ["false", "0", "no", "off"];

    private readonly List<string> _errors = [];
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    public IReadOnlyList<string> Errors => _errors;

    public void Refuse(string name, string allowed) => _errors.Add($"{name}: {allowed}");

    public string? Text(string name)
    {
        _known.Add(name);
        return environment.TryGetValue(name, out var value) && !string.IsNullOrWhiteSpace(value) ? value.Trim() : null;
    }

    public SecretText? Secret(string name) => Text(name) is { } value ? new SecretText(value) : null;

    public bool Flag(string name, bool otherwise)
    {
        var value = Text(name);
        if (value is null)
        {
            return otherwise;
        }

        if (Yes.Contains(value, StringComparer.OrdinalIgnoreCase))
        {
            return true;
        }

        if (!No.Contains(value, StringComparer.OrdinalIgnoreCase))
        {
            Refuse(name, $"is \"{value}\"; allowed are true and false");
        }

        return false;
    }

    public int Whole(string name, int otherwise, int min, int max)
    {
        var value = Text(name);
        if (value is null)
        {
            return otherwise;
        }

        if (int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
        {
            return number;
        }

        Refuse(name, $"is \"{value}\"; allowed is a whole number from {min} to {max}");
        return otherwise;
    }

    public string Choice(string name, string otherwise, params ReadOnlySpan<string> allowed)
    {
        var value = Text(name);
        if (value is null || allowed.Contains(value))
        {
            return value ?? otherwise;
        }

        Refuse(name, $"is \"{value}\"; allowed are {string.Join(", ", allowed!)}");
        return otherwise;
    }

    /// <summary>A JSON array of strings, or comma-separated values.</summary>
    /// <param name="check">Null when the item is fine, else what is allowed.</param>
    public IReadOnlyList<string> List(string name, IReadOnlyList<string> otherwise, Func<string, string?>? check = null)
    {
        var value = Text(name);
        if (value is null)
        {
            return otherwise;
        }

        var items = value[0] == '[' ? JsonList(name, value) : value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        foreach (var item in items)
        {
            if (check?.Invoke(item) is { } allowed)
            {
                Refuse(name, $"holds \"{item}\"; {allowed}");
            }
        }

        return items;
    }

    /// <summary>An absolute URL without user info, query or fragment.</summary>
    public Uri? Url(string name, params ReadOnlySpan<string> schemes)
    {
        var value = Text(name);
        if (value is null)
        {
            return null;
        }

        if (UrlProblem(value, schemes) is { } problem)
        {
            // Not echoed: a rejected URL may carry a password.
            Refuse(name, problem);
            return null;
        }

        return new Uri(value);
    }

    /// <summary>Web addresses, each once, in their order.</summary>
    public IReadOnlyList<Uri> Urls(string name) =>
        [.. List(name, [], item => UrlProblem(item, "https", "http")).Where(item => UrlProblem(item, "https", "http") is null).Select(item => new Uri(item)).DistinctBy(url => url.AbsoluteUri, StringComparer.Ordinal)];

    public static string? UrlProblem(string value, params ReadOnlySpan<string> schemes)
    {
        var allowed = $"allowed is an absolute URL ({string.Join(" or ", schemes!)}) without user name, query or fragment";
        return Uri.TryCreate(value, UriKind.Absolute, out var url) && schemes.Contains(url.Scheme)
            && url.UserInfo.Length == 0 && url.Query.Length == 0 && url.Fragment.Length == 0
                ? null
                : allowed;
    }

    public string? ExistingFile(string name)
    {
        var path = Text(name);
        if (path is null || File.Exists(path))
        {
            return path is null ? null : Path.GetFullPath(path);
        }

        Refuse(name, $"no readable file at {Path.GetFullPath(path)}");
        return null;
    }

    public IReadOnlyList<IPNetwork> Networks(string name)
    {
        const string Allowed = "allowed are networks such as 10.0.0.0/8 or fd00::/8";
        return [.. List(name, [], item => IPNetwork.TryParse(item, out _) ? null : Allowed)
            .Where(item => IPNetwork.TryParse(item, out _)).Select(IPNetwork.Parse)];
    }

    /// <summary>Set, and named like ours, but nothing reads it: mostly a slip of the pen.</summary>
    public IEnumerable<string> Unknown() =>
        environment.Keys
            .Where(name => name.StartsWith("RUNTIME_", StringComparison.Ordinal) || name.StartsWith("MCPGATEWAY_", StringComparison.Ordinal))
            .Where(name => !_known.Contains(name))
            .Order(StringComparer.Ordinal)
            .Select(name => Nearest(name) is { } near ? $"{name} is not a setting; did you mean {near}?" : $"{name} is not a setting");

    private string[] JsonList(string name, string value)
    {
        try
        {
            return JsonSerializer.Deserialize<string?[]>(value)?.Select(item => item ?? "").ToArray() ?? [];
        }
        catch (JsonException)
        {
            Refuse(name, "is not a JSON array of strings; write [\"a\",\"b\"] or a,b");
            return [];
        }
    }

    private string? Nearest(string name) =>
        _known.Select(known => (known, Distance: Distance(known, name))).Where(pair => pair.Distance <= 3).OrderBy(pair => pair.Distance).FirstOrDefault().known;

    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
