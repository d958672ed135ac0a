using System.Reflection;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Tests.Records;

/// <summary>
/// The database that an earlier release has left (a dump for each of its schemas, made by that release itself on a real engine) opens,
/// migrates, and goes on. Its secrets are closed under the master key of <see cref="RecordsHouse"/>.
/// </summary>
[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class UpgradeTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    [TestCase("0002")]
    public async Task An_earlier_releases_records_secrets_and_history_are_all_there_and_go_on(string schema)
    {
        var house = await UpgradedAsync(schema);

        var serving = (await house.Queries.FindAsync(Given.Admin, "serving", Ct))!;
        serving.Status.Should().Be(RuntimeStatus.Connected);
        serving.Generation.Should().Be(2);
        serving.ServingGeneration.Should().Be(2);
        serving.Spec.Tags.Should().Equal("kept");
        (await house.Store.EnvironmentAsync(serving.Id, 2, Ct))["GREETING"].Reveal().Should().Be("fixture-secret-2");
        (await house.RecordAsync(serving.Id)).Asked.Spec.Source.Should().Be(new Source.Docker("docker.io/mcpruntime/sample-server:latest", null));
        (await house.Queries.FindAsync(Given.Admin, "halted", Ct))!.Desired.Should().Be(DesiredState.Stopped);
        (await house.Queries.ListAsync(Given.Admin, new(null, RuntimeStatus.Deleted, false, null, null, null, 10, 0, null), Ct)).Runtimes.Should().ContainSingle().Which.Name.Should().Be("gone");
        (await house.Queries.EventsAsync(Given.Admin, serving.Id, null, 500, Ct)).Events.Should().Contain(happened => happened.Kind == "Accepted");
        (await house.Get<IAuditLog>().ListAsync(null, 100, Ct)).Should().Contain(entry => entry.Action == "runtime.create");
        (await house.Get<ITokenStore>().ListAsync(Ct)).Should().ContainSingle().Which.Subject.Should().Be("admin");

        // The same request again is the same content: an upgrade rolls nothing out and voids no approval.
        var halted = new PutRuntime(
            new DeployRequest { Name = "halted", Source = new SourceRequest { Type = "docker", Image = "mcpruntime/sample-server:latest", Command = ["--x", "y"] } }, "rest", MustCreate: false);
        (await house.Door.PutAsync(Given.Admin, halted, Ct)).Changed.Should().BeFalse();
        await house.Door.StopAsync(Given.Admin, serving.Id, Ct);
        (await house.Store.ReportAsync(Given.Seen(await house.RecordAsync(serving.Id), RuntimeStatus.Stopped), await house.LeadAsync(), Ct)).Should().BeTrue();
        (await house.Queries.FindAsync(Given.Admin, serving.Id, Ct))!.Status.Should().Be(RuntimeStatus.Stopped);
    }

    private async Task<RecordsHouse> UpgradedAsync(string schema)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Folder, "upgraded")).FullName;
        var url = new TKind().NewUrl();
        var options = new RecordsOptions { DatabaseUrl = url, DataDirectory = folder };
        await using (var db = RecordsRegistration.Opener(DatabaseAddress.Of(options))())
        {
            await db.Database.OpenConnectionAsync(Ct);
            await using var command = db.Database.GetDbConnection().CreateCommand();
            command.CommandText = IsSqlite

                // Its tables come in the order of their names, not of what refers to what.
                ? $"PRAGMA foreign_keys = OFF; {await DumpAsync($"{schema}.sqlite.sql")} PRAGMA foreign_keys = ON;"
                : await DumpAsync($"{schema}.postgresql.sql");
            await command.ExecuteNonQueryAsync(Ct);
        }

        return await AnotherAsync(change: _ => options with { MasterKey = Convert.ToBase64String(RecordsHouse.KeyBytes) });
    }

    private static async Task<string> DumpAsync(string name)
    {
        await using var resource = Assembly.GetExecutingAssembly().GetManifestResourceStream(name) ?? throw new InvalidOperationException($"No dump {name}.");
        using var reader = new StreamReader(resource);
        return await reader.ReadToEndAsync(Ct);
    }
}
