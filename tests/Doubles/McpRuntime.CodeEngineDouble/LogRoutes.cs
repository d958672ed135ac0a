using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace McpRuntime.CodeEngineDouble;

/// <summary>
/// The two ways to what a server wrote, neither of them in the REST API: the project's kubeconfig with the Pod log behind it (inferred from
/// what IBM's CLI does), and a Cloud Logs instance (documented fields; the shape of a result is inferred from IBM's SDK).
/// </summary>
internal sealed partial class LogRoutes(DoubleProject project)
{
    /// <summary>The first event: no result yet.</summary>
    private static readonly JsonObject Began = new() { ["query_id"] = new JsonObject { ["query_id"] = "1" } };

    public static bool IsFollowed(HttpRequest request) => request.Path.StartsWithSegments("/api/v1/namespaces", StringComparison.Ordinal) && request.Query["follow"] == "true";

    public JsonValue Kube(HttpRequest request)
    {
        if (!project.Switches.KubeConfig)
        {
            throw new Refused(403, "forbidden", "No kubeconfig for you.");
        }

        return JsonValue.Create(request.Path == $"/api/v1/project/{project.Id}/config" ? Config(request) : string.Concat(LinesOf(request).Select(l => l + "\n")));
    }

    public IReadOnlyList<string> LinesOf(HttpRequest request)
    {
        var parts = request.Path.Value!.Split('/');
        if (request.Headers.Authorization != "Bearer kube-token" || parts is not ["", "api", "v1", "namespaces", "subdomain", "pods", var pod, "log"] || request.Query["container"] != "user-container")
        {
            throw new Refused(403, "forbidden", "Forbidden.");
        }

        var app = project.FindApp(pod[..pod.IndexOf("-deployment-", StringComparison.Ordinal)][..^6]) ?? throw DoubleProject.NotFound();
        var since = request.Query["sinceTime"].ToString() is { Length: > 0 } text ? Time(text) : (DateTimeOffset?)null;
        var tail = int.Parse(request.Query["tailLines"].ToString() is { Length: > 0 } number ? number : "5000", CultureInfo.InvariantCulture);
        return [.. app.Lines(pod).Where(l => since is null || Time(l.Split(' ')[0]) >= since).TakeLast(tail)];
    }

    /// <summary>Server-sent events, each with results.</summary>
    public JsonValue Cloud(HttpRequest request, JsonObject? body)
    {
        switch (project.Switches.CloudLogs)
        {
            case "fails":
                throw new Refused(500, "internal", "Cloud Logs is out of order.");
            case "nonsense":
                return JsonValue.Create("data: {\"result\": {\n\n");
            case "answers" or "plain":
                break;
            default:
                return JsonValue.Create($"data: {project.Switches.CloudLogs}\n\n");
        }

        var metadata = body?["metadata"];
        if (body?["query"]?.GetValue<string>() is not { } query || Component().Match(query) is not { Success: true } found || metadata?["syntax"]?.GetValue<string>() != "lucene"
            || !request.Headers.Accept.ToString().Contains("text/event-stream", StringComparison.Ordinal))
        {
            throw new Refused(400, "bad_request", "The query is not understood.");
        }

        var (from, until) = (Time(metadata["start_date"]!.GetValue<string>()), Time(metadata["end_date"]!.GetValue<string>()));
        var results = (project.FindApp(found.Groups["app"].Value)?.AllLines() ?? [])
            .Select(line => (At: Time(line.Split(' ')[0]), Text: line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]))
            .Where(line => line.At >= from && line.At <= until)
            .TakeLast(metadata["limit"]!.GetValue<int>())
            .Select(line => new JsonObject
            {
                ["metadata"] = new JsonArray(new JsonObject { ["key"] = "timestamp", ["value"] = line.At.ToString("O", CultureInfo.InvariantCulture) }),
                ["user_data"] = project.Switches.CloudLogs == "plain" ? line.Text : new JsonObject { ["stream"] = line.Text.StartsWith("error", StringComparison.Ordinal) ? "stderr" : "stdout", ["message"] = new JsonObject { ["message"] = line.Text } }.ToJsonString(),
            });
        var told = new JsonObject { ["result"] = new JsonObject { ["results"] = new JsonArray([.. results]) } };
        return JsonValue.Create($": success\ndata: {Began.ToJsonString()}\n\n: success\ndata: {told.ToJsonString()}\n\n");
    }

    private string Config(HttpRequest request) =>
        !request.Headers["X-Delegated-Refresh-Token"].ToString().StartsWith("delegated-", StringComparison.Ordinal)
            ? throw new Refused(401, "unauthorized", "No delegated token.")
            : $$$"""
                apiVersion: v1
                clusters: [{name: c, cluster: {server: "{{{project.Switches.KubeServer ?? $"http://{request.Host}"}}}"{{{(project.Switches.KubeAuthority is { } authority ? $", certificate-authority-data: '{authority}'" : "")}}}}}]
                users: [{name: u, user: {token: kube-token}}]
                contexts: [{name: x, context: {cluster: c, user: u, namespace: subdomain}}]
                current-context: x
                """;

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    [GeneratedRegex("^app:\"codeengine\" AND codeengine\\.component:\"(?<app>[a-z0-9-]+)\"$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Component();
}
