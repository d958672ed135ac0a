using System.Text.Json.Nodes;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>What an account may do and what it did, both as <c>verb group/resource</c>, and with the name where the right is for one name only.</summary>
internal static class Rights
{
    public static async Task<IReadOnlySet<string>> GrantedAsync(TestCluster cluster, params string[][] roles)
    {
        var rights = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var role in roles)
        {
            var rules = JsonNode.Parse(await cluster.KubectlOrFailAsync(["get", .. role, "-o", "json"]))!["rules"]!.AsArray();
            rights.UnionWith(
                from rule in rules
                from @group in Texts(rule!["apiGroups"])
                from resource in Texts(rule["resources"])
                from verb in Texts(rule["verbs"])
                from name in rule["resourceNames"] is { } names ? Texts(names) : [""]
                select $"{verb} {@group}/{resource} {name}".TrimEnd());
        }

        return rights;
    }

    /// <summary>From the API server's audit log: every call, whatever its answer.</summary>
    public static async Task<IReadOnlyList<Called>> CalledAsync(TestCluster cluster, string account)
    {
        await using var log = new FileStream(cluster.AuditLog, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var lines = new StreamReader(log);
        List<Called> calls = [];
        while (await lines.ReadLineAsync() is { } line)
        {
            var call = JsonNode.Parse(line)!;
            if (call["user"]?["username"]?.GetValue<string>() == account)
            {
                calls.Add(new Called(call["verb"]!.GetValue<string>(), call["requestURI"]!.GetValue<string>(), call["responseStatus"]?["code"]?.GetValue<int>() ?? 0, call["objectRef"]));
            }
        }

        return calls;
    }

    /// <summary>What was granted, against the calls that it was granted for.</summary>
    /// <returns>Empty: every call was allowed, and what was granted is what was called for. Otherwise each difference.</returns>
    public static string Differences(IReadOnlyCollection<Called> calls, IReadOnlySet<string> granted)
    {
        var called = calls.SelectMany(call => call.Rights).ToHashSet(StringComparer.Ordinal);
        return string.Join('\n', [
            .. calls.Where(call => call.Status is 401 or 403).Select(call => $"denied: {call.Verb} {call.Path}"),
            .. called.Except(granted).Select(right => $"called and not granted: {right}"),
            .. granted.Except(called).Select(right => $"granted and not called: {right}"),
        ]);
    }

    private static IEnumerable<string> Texts(JsonNode? list) => list!.AsArray().Select(item => item!.GetValue<string>());
}

/// <param name="About">Null: the API server itself, such as its version.</param>
internal sealed record Called(string Verb, string Path, int Status, JsonNode? About)
{
    /// <summary>The rights that it took. An apply that makes the object takes the right to create, too; the log has the one verb.</summary>
    public IEnumerable<string> Rights => About is null ? [] : Verb == "patch" && Status == 201 ? [Right(Verb), Right("create")] : [Right(Verb)];

    public string? Resource => Text("resource");

    /// <summary>Null: of all namespaces, or of none.</summary>
    public string? Space => Text("namespace");

    private string Right(string verb)
    {
        var resource = Resource + (Text("subresource") is { Length: > 0 } sub ? "/" + sub : "");
        return $"{verb} {Text("apiGroup")}/{resource} {(resource == "namespaces" ? Text("name") : "")}".TrimEnd();
    }

    private string? Text(string field) => About?[field]?.GetValue<string>();
}
