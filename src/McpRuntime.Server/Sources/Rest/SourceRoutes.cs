using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Access;
using McpRuntime.Server.Records;
using McpRuntime.Server.Settings;
using McpRuntime.Server.Sources.Git;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>/runtimes/sources: the repositories that runtimes are declared in, and how each of them stands.</summary>
internal static class SourceRoutes
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(250);

    private static readonly QueryParameter<int> WaitSeconds = Query.Whole("wait_seconds", 0, 600, 0, "Answers once the look that was asked for is over, or after so many seconds.");

    public static void MapSources(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/sources", ListAsync).Needs(Roles.Viewer)
            .WithSummary("The Git repositories that runtimes are declared in, and how each stands").Produces<DeclaredSourcesJson>();
        routes.MapGet("/sources/{name}", async (string name, GitSourceStates states, RuntimeSettings settings, CancellationToken ct) =>
                Results.Json(await ShowAsync(states, settings, MustFind(settings, name), ct), RestJson.Options))
            .Needs(Roles.Viewer).WithSummary("Shows one of them").Produces<DeclaredSourceJson>();
        routes.MapPost("/sources/{name}/sync", SyncAsync).Needs(Roles.Operator).MayStayOpen().Takes(WaitSeconds)
            .WithSummary("Looks at a repository now; an admin may allow what waits for a word").Accepts<SyncRequest>(isOptional: true, "application/json").Produces<DeclaredSourceJson>(StatusCodes.Status202Accepted);
        routes.MapPost("/sources/{owner}/adopt", AdoptAsync).Needs(Roles.Admin)
            .WithSummary("Lets the REST API change what a source has declared that is in the settings no more").Produces<LeftBehind>();
    }

    /// <param name="owner"><c>git:infra</c>, <c>crd:default</c>: as the runtimes show it.</param>
    private static async Task<IResult> AdoptAsync(HttpContext http, string owner, Adoption adoption, RuntimeSettings settings, CancellationToken ct) =>
        Results.Json(await adoption.AdoptAsync(http.Caller(), owner, Owners(settings), ct), RestJson.Options);

    private static IReadOnlyCollection<string> Owners(RuntimeSettings settings) =>
        [.. settings.Sources.GitOpsRepos.Select(repo => repo.Owner), .. settings.Kubernetes.CustomResources is { } objects ? [objects.Owner] : Array.Empty<string>()];

    private static async Task<IResult> ListAsync(GitSourceStates states, Adoption adoption, RuntimeSettings settings, CancellationToken ct)
    {
        var rows = (await states.ListAsync(ct)).ToDictionary(row => row.Name, StringComparer.Ordinal);
        var configured = settings.Sources.GitOpsRepos.Select(repo => DeclaredSourceJson.Git(repo, settings, rows.GetValueOrDefault(repo.Name)));
        return Results.Json(new DeclaredSourcesJson([.. configured], await adoption.ListAsync(Owners(settings), ct)), RestJson.Options);
    }

    private static async Task<IResult> SyncAsync(
        HttpContext http, string name, GitSourceStates states, RuntimeSettings settings, TimeProvider time, CancellationToken ct)
    {
        var repo = MustFind(settings, name);
        var asked = await RequestBody.ReadOptionalAsync(
            http.Request,
            json => new SyncRequest(json.Flag("allow_large_prune"), json.Flag("allow_empty"), json.Flag("allow_rewrite"), json.Text("commit")),
            ct);
        var number = await states.AskAsync(repo, http.Caller(), WordsOf(asked, http.Caller()), ct);
        var until = time.GetUtcNow() + TimeSpan.FromSeconds(http.Asked(WaitSeconds));
        while (time.GetUtcNow() < until && (await states.FindAsync(repo.Name, ct))!.Answered < number)
        {
            await Task.Delay(Glance, time, ct);
        }

        return Results.Json(await ShowAsync(states, settings, repo, ct), RestJson.Options, statusCode: StatusCodes.Status202Accepted);
    }

    /// <summary>What waits for a word reaches over teams: that word is an admin's.</summary>
    private static GitWords WordsOf(SyncRequest asked, Caller caller)
    {
        if (asked.Commit is { } commit && !GitRefName.IsCommit(commit))
        {
            throw new Refusal(RefusalKind.Invalid, "The commit is not valid", "Send the 40 lower-case hex digits that were looked at.", [new("commit", "must be 40 lower-case hex digits")]);
        }

        var words = new GitWords(asked.Commit ?? "", asked.AllowLargePrune ?? false, asked.AllowEmpty ?? false, asked.AllowRewrite ?? false);
        return (words.AllowLargePrune || words.AllowEmpty || words.AllowRewrite) && !caller.IsAdmin
            ? throw new Refusal(RefusalKind.Forbidden, "Not allowed", "allow_large_prune, allow_empty and allow_rewrite are for admins; a sync without them is for operators.")
            : words;
    }

    private static async Task<DeclaredSourceJson> ShowAsync(GitSourceStates states, RuntimeSettings settings, GitRepo repo, CancellationToken ct) =>
        DeclaredSourceJson.Git(repo, settings, await states.FindAsync(repo.Name, ct));

    private static GitRepo MustFind(RuntimeSettings settings, string name) =>
        settings.Sources.GitOpsRepos.FirstOrDefault(repo => repo.Name == name) ?? throw RouteKey.NotFound("source", name);
}

/// <param name="AllowLargePrune">More runtimes may go at once than go by themselves.</param>
/// <param name="AllowEmpty">The repository may hold none, and all of its runtimes go.</param>
/// <param name="AllowRewrite">The ref may point to a commit that does not have the applied one in its history.</param>
/// <param name="Commit">What these words are for; left out, the commit that was seen last. They hold for no other.</param>
internal sealed record SyncRequest(bool? AllowLargePrune, bool? AllowEmpty, bool? AllowRewrite, string? Commit);
