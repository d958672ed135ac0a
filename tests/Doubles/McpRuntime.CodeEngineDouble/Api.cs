using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace McpRuntime.CodeEngineDouble;

/// <summary>The API's operations below a project: success codes as the SDK's generated tests have them.</summary>
internal static class Api
{
    public static (int Status, JsonNode? Body, (string, string)[] Headers) Answer(DoubleProject project, HttpRequest request, string below, JsonObject? body)
    {
        var path = below.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var tag = request.Headers.IfMatch.ToString() is { Length: > 0 } given ? given : null;
        return (request.Method, path) switch
        {
            ("GET", []) => Found(Project(project)),
            ("GET", ["status_details"]) => Found(new JsonObject { ["domain"] = "ready", ["project"] = "enabled" }),
            ("GET", ["egress_ips"]) => Found(new JsonObject { ["private"] = new JsonArray(), ["public"] = new JsonArray("198.51.100.1") }),
            ("GET", ["allowed_outbound_destinations"]) => List(project, request, path[0], [new JsonObject { ["name"] = "allow-all", ["type"] = "cidr_block", ["cidr_block"] = "0.0.0.0/0" }]),
            ("GET", ["apps"]) => List(project, request, path[0], project.Apps()),
            ("POST", ["apps"]) => (201, project.CreateApp(Body(request, body, "application/json")), []),
            ("GET", ["apps", var name]) => Tagged(project.ReadApp(name)),
            ("PATCH", ["apps", var name]) => Tagged(project.PatchApp(name, Body(request, body, "application/merge-patch+json"), tag)),
            ("DELETE", ["apps", var name]) => Accepted(() => project.DeleteApp(name)),
            ("GET", ["apps", var name, "revisions"]) => List(project, request, "revisions", [.. App(project, name).Revisions.Select(r => r.DeepClone().AsObject())]),
            ("DELETE", ["apps", var name, "revisions", var revision]) => Accepted(() => Forget(App(project, name), revision)),
            ("GET", ["apps", var name, "instances"]) => List(project, request, "instances", App(project, name).Instances()),
            ("GET", ["secrets"]) => List(project, request, path[0], project.ListSecrets(request.Query["format"].ToString() is { Length: > 0 } format ? format : null)),
            ("POST", ["secrets"]) => (201, project.CreateSecret(Body(request, body, "application/json")), []),
            ("GET", ["secrets", var name]) => Tagged(project.Secret(name)),
            ("PUT", ["secrets", var name]) => Tagged(project.ReplaceSecret(name, Body(request, body, "application/json"), tag)),
            ("DELETE", ["secrets", var name]) => Accepted(() => project.DeleteSecret(name)),
            ("GET", ["builds"]) => List(project, request, path[0], project.Builds()),
            ("POST", ["builds"]) => (201, project.CreateBuild(Body(request, body, "application/json")), []),
            ("GET", ["builds", var name]) => Tagged(project.Build(name)),
            ("DELETE", ["builds", var name]) => Accepted(() => project.DeleteBuild(name)),
            ("GET", ["build_runs"]) => List(project, request, path[0], project.Runs(request.Query["build_name"].ToString() is { Length: > 0 } build ? build : null)),
            ("POST", ["build_runs"]) => (202, project.CreateRun(Body(request, body, "application/json")), []),
            ("GET", ["build_runs", var name]) => Found(project.Run(name)),
            ("DELETE", ["build_runs", var name]) => Accepted(() => project.DeleteRun(name)),
            (_, ["apps" or "secrets" or "builds" or "build_runs", ..]) => throw new Refused(405, "method_not_allowed", "Method not allowed."),
            _ => throw DoubleProject.NotFound(),
        };
    }

    private static JsonObject Project(DoubleProject project) => new()
    {
        ["id"] = project.Id, ["name"] = "double", ["region"] = project.Region, ["resource_type"] = "project_v2", ["status"] = project.Switches.ProjectStatus, ["account_id"] = "account", ["crn"] = "crn:v1:double",
    };

    private static AppLife App(DoubleProject project, string name) => project.FindApp(name) ?? throw DoubleProject.NotFound();

    private static void Forget(AppLife app, string revision)
    {
        if (revision == app.Newest || app.Revisions.RemoveAll(r => Validation.Text(r, "name") == revision) == 0)
        {
            throw DoubleProject.NotFound();
        }
    }

    private static JsonObject Body(HttpRequest request, JsonObject? body, string type) =>
        request.ContentType?.Split(';')[0] != type ? throw new Refused(415, "unsupported_media_type", $"The content type must be {type}.") : body ?? throw new Refused(400, "bad_request", "A body is required.");

    private static (int, JsonNode?, (string, string)[]) Found(JsonObject? thing) => thing is null ? throw DoubleProject.NotFound() : (200, thing, []);

    private static (int, JsonNode?, (string, string)[]) Tagged(JsonObject? thing) =>
        thing is null ? throw DoubleProject.NotFound() : (200, thing, [("ETag", Validation.Text(thing, "entity_tag") ?? "none")]);

    private static (int, JsonNode?, (string, string)[]) Accepted(Action action)
    {
        action();
        return (202, null, []);
    }

    /// <summary>An opaque start: the name after which the next page begins, so that what comes in between moves nothing; or a count, so that it does.</summary>
    private static (int, JsonNode?, (string, string)[]) List(DoubleProject project, HttpRequest request, string collection, IReadOnlyList<JsonObject> all)
    {
        var limit = Math.Min(int.TryParse(request.Query["limit"], CultureInfo.InvariantCulture, out var asked) ? asked : 100, project.Switches.PageSize);
        var after = request.Query["start"].ToString() is { Length: > 0 } start ? Encoding.UTF8.GetString(Convert.FromHexString(start)) : "";
        var counts = project.Switches.PagesCount;
        var skipped = counts && after.Length > 0 ? int.Parse(after, CultureInfo.InvariantCulture) : 0;
        var rest = (counts ? all.Skip(skipped) : all.Where(i => string.CompareOrdinal(Validation.Text(i, "name"), after) > 0)).ToList();
        var page = rest.Take(limit).ToList();
        var reply = new JsonObject { ["limit"] = limit, ["first"] = new JsonObject { ["href"] = $"https://double/{collection}?limit={limit}" } };
        reply[collection] = new JsonArray([.. page]);
        if (rest.Count > limit)
        {
            var next = Convert.ToHexStringLower(Encoding.UTF8.GetBytes(counts ? (skipped + limit).ToString(CultureInfo.InvariantCulture) : Validation.Text(page[^1], "name")!));
            reply["next"] = new JsonObject { ["href"] = $"https://double/{collection}?limit={limit}&start={next}", ["start"] = next };
            if (collection == "apps")
            {
                project.MakeForeignBetweenPages();
            }
        }

        return (200, reply, []);
    }
}
