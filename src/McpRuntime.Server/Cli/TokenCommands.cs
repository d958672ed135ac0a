using System.CommandLine;
using System.Globalization;
using McpRuntime.Core.Records;
using McpRuntime.Server.Access;
using McpRuntime.Server.Records;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Cli;

/// <summary><c>token create|list|rotate|revoke</c>: straight to the database, for whoever may read its settings.</summary>
internal static class TokenCommands
{
    public static Command Token()
    {
        var token = new Command("token", "API tokens.");
        token.Add(Create());
        token.Add(List());
        token.Add(Rotate());
        token.Add(Revoke());
        return token;
    }

    private static Command Create()
    {
        var subject = new Option<string>("--subject") { Description = "Whom it speaks for; printed in audits.", Required = true };
        var roles = new Option<string[]>("--role") { Description = RoleNames.All, Required = true, AllowMultipleArgumentsPerToken = true };
        var teams = new Option<string[]>("--team") { Description = "Its teams.", AllowMultipleArgumentsPerToken = true };
        var days = new Option<int?>("--expires-days") { Description = "1..3650; without it the token does not expire." };
        var runtime = new Option<string?>("--runtime") { Description = "The id of the one runtime whose /mcp address it opens, and nothing else." };
        var create = new Command("create", "Makes a token and prints it once.") { subject, roles, teams, days, runtime };
        create.SetAction((parsed, ct) => Commands.GuardedAsync(
            async (settings, token) =>
            {
                var wanted = new Wanted(parsed.GetValue(subject)!, parsed.GetValue(roles) ?? [], parsed.GetValue(teams) ?? [], parsed.GetValue(days), parsed.GetValue(runtime));
                await using var records = Commands.Records(settings);
                await records.MigrateRecordsAsync(token);
                await Console.Out.WriteLineAsync(await CreateAsync(records.GetRequiredService<ITokenStore>(), records.GetRequiredService<TimeProvider>(), wanted, token));
            },
            ct));
        return create;
    }

    internal sealed record Wanted(string Subject, IReadOnlyList<string> Roles, IReadOnlyList<string> Teams, int? ExpiresDays, string? RuntimeId);

    internal static async Task<string> CreateAsync(ITokenStore tokens, TimeProvider time, Wanted wanted, CancellationToken ct)
    {
        var granted = Roles.None;
        foreach (var word in wanted.Roles.SelectMany(role => role.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)))
        {
            granted |= RoleNames.TryParse(word, out var role) ? role : throw new InvalidSettings([$"--role: \"{word}\"; allowed are {RoleNames.All}"]);
        }

        if (wanted.Subject.Length is 0 or > 255 || wanted.Subject.Any(char.IsControl))
        {
            throw new InvalidSettings(["--subject: 1 to 255 printable characters"]);
        }

        if (wanted.ExpiresDays is < 1 or > 3650)
        {
            throw new InvalidSettings(["--expires-days: a whole number from 1 to 3650"]);
        }

        var now = time.GetUtcNow();
        var text = ApiTokens.NewText();
        var expires = wanted.ExpiresDays is { } days ? now.AddDays(days) : (DateTimeOffset?)null;
        await tokens.AddAsync(new ApiToken(ApiTokens.NewId(), wanted.Subject, granted, wanted.Teams, now, expires, null, wanted.RuntimeId), ApiTokens.HashOf(text), ct);
        return text;
    }

    private static Command List()
    {
        var list = new Command("list", "Shows the tokens, never their text.");
        list.SetAction((_, ct) => Commands.GuardedAsync(
            async (settings, token) =>
            {
                await using var records = Commands.Records(settings);
                await records.MigrateRecordsAsync(token);
                foreach (var found in await records.GetRequiredService<ITokenStore>().ListAsync(token))
                {
                    await Console.Out.WriteLineAsync(Line(found));
                }
            },
            ct));
        return list;
    }

    private static Command Rotate()
    {
        var id = new Argument<string>("id") { Description = "As token list shows it." };
        var rotate = new Command("rotate", "Makes a token of the same subject, roles and teams, prints it once, and ends this one.") { id };
        rotate.SetAction((parsed, ct) => Commands.GuardedAsync(
            async (settings, token) =>
            {
                await using var records = Commands.Records(settings);
                await records.MigrateRecordsAsync(token);
                await Console.Out.WriteLineAsync(await RotateAsync(records.GetRequiredService<ITokenStore>(), records.GetRequiredService<TimeProvider>(), parsed.GetValue(id)!, token));
            },
            ct));
        return rotate;
    }

    internal static async Task<string> RotateAsync(ITokenStore tokens, TimeProvider time, string id, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var old = (await tokens.ListAsync(ct)).FirstOrDefault(token => token.Id == id && token.RevokedAt is null && (token.ExpiresAt is null || token.ExpiresAt > now))
            ?? throw new Refusal(RefusalKind.NotFound, "No such token", $"There is no live token {id}; token list shows them.");
        var text = ApiTokens.NewText();
        var expires = old.ExpiresAt is { } end ? now + (end - old.CreatedAt) : (DateTimeOffset?)null;

        // The new one first: a crash between leaves two keys, never none.
        await tokens.AddAsync(old with { Id = ApiTokens.NewId(), CreatedAt = now, ExpiresAt = expires }, ApiTokens.HashOf(text), ct);
        await tokens.RevokeAsync(id, ct);
        return text;
    }

    private static Command Revoke()
    {
        var id = new Argument<string>("id") { Description = "As token list shows it." };
        var revoke = new Command("revoke", "Ends a token.") { id };
        revoke.SetAction((parsed, ct) => Commands.GuardedAsync(
            async (settings, token) =>
            {
                await using var records = Commands.Records(settings);
                await records.MigrateRecordsAsync(token);
                if (!await records.GetRequiredService<ITokenStore>().RevokeAsync(parsed.GetValue(id)!, token))
                {
                    throw new Refusal(RefusalKind.NotFound, "No such token", $"There is no token {parsed.GetValue(id)}; token list shows them.");
                }
            },
            ct));
        return revoke;
    }

    private static string Line(ApiToken token) => string.Create(
        CultureInfo.InvariantCulture,
        $"{token.Id}  {token.Subject}  {RoleNames.Of(token.Roles)}  teams={string.Join(',', token.Teams)}  created={token.CreatedAt:u}  {State(token)}{(token.RuntimeId is null ? "" : $"  runtime={token.RuntimeId}")}");

    private static string State(ApiToken token) =>
        token.RevokedAt is { } revoked ? string.Create(CultureInfo.InvariantCulture, $"revoked={revoked:u}")
        : token.ExpiresAt is { } expires ? string.Create(CultureInfo.InvariantCulture, $"expires={expires:u}")
        : "does not expire";
}
