using System.CommandLine;
using McpRuntime.Core.Records;
using McpRuntime.Server.Records;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Cli;

/// <summary>The verbs of the one executable. Without a verb it serves.</summary>
internal static class Commands
{
    private const int Failed = 1;
    private const int Misconfigured = 78;

    public static RootCommand Root()
    {
        var root = new RootCommand("Secure MCP Runtime: deploys MCP servers under guardrails and keeps them running.");
        var serve = new Command("serve", "Serves the API and reconciles (the default).");
        var migrate = new Command("migrate", "Brings the database to this version's schema, and ends.");
        root.SetAction((_, ct) => GuardedAsync(ServeAsync, ct));
        serve.SetAction((_, ct) => GuardedAsync(ServeAsync, ct));
        migrate.SetAction((_, ct) => GuardedAsync(MigrateAsync, ct));
        root.Add(serve);
        root.Add(Guard());
        root.Add(migrate);
        root.Add(TokenCommands.Token());
        root.Add(TryCommand.Try());
        root.Add(ConvertCommand.Convert());
        return root;
    }

    /// <summary>Settings and refusals are told in one line each; anything else is a fault and shows its trace.</summary>
    public static async Task<int> GuardedAsync(Func<RuntimeSettings, CancellationToken, Task> run, CancellationToken ct)
    {
        try
        {
            DotEnv.Load(Directory.GetCurrentDirectory());
            await run(SettingsParser.FromEnvironment(), ct);
            return 0;
        }
        catch (InvalidSettings invalid)
        {
            foreach (var error in invalid.Errors)
            {
                await Console.Error.WriteLineAsync(error);
            }

            return Misconfigured;
        }
        catch (Refusal refusal)
        {
            return await TellAsync(refusal);
        }
        catch (Exception fault) when (DatabaseFaults.Of(fault) == DatabaseFault.Unavailable)
        {
            return await TellAsync(DatabaseFaults.Refuse(fault));
        }
    }

    private static async Task<int> TellAsync(Refusal refusal)
    {
        await Console.Error.WriteLineAsync($"{refusal.Title}: {refusal.Detail}");
        return Failed;
    }

    /// <summary>The records alone, without the service around them.</summary>
    public static ServiceProvider Records(RuntimeSettings settings) => new ServiceCollection()
        .AddLogging()
        .AddSingleton(TimeProvider.System)
        .AddRecordsOf(settings)
        .BuildServiceProvider();

    private static async Task ServeAsync(RuntimeSettings settings, CancellationToken ct)
    {
        await using var app = RuntimeService.Build(settings);
        await RuntimeService.PrepareAsync(app, settings, ct);
        await app.RunAsync(ct);
    }

    private static async Task MigrateAsync(RuntimeSettings settings, CancellationToken ct)
    {
        await using var records = Records(settings);
        await records.MigrateRecordsAsync(ct);
        await Console.Out.WriteLineAsync("The database is at this version's schema.");
    }

    private static Command Guard()
    {
        var rest = new Argument<string[]>("args") { Arity = ArgumentArity.ZeroOrMore };
        var guard = new Command("guard", "Runs the guard: relay in, egress proxy out. Started by the service, in its own container.") { rest };
        guard.SetAction((parsed, ct) => Gateways.Egress.GuardProgram.RunAsync(parsed.GetValue(rest) ?? [], ct));
        return guard;
    }
}
