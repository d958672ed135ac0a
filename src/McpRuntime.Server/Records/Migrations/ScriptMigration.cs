using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations;

/// <summary>A migration that is one SQL script beside it: what runs is what is read. Released scripts never change.</summary>
/// <param name="script">Its name among the resources: the database's folder and the file.</param>
internal abstract class ScriptMigration(string script) : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        using var resource = typeof(ScriptMigration).Assembly.GetManifestResourceStream(script)
            ?? throw new InvalidOperationException($"The migration script {script} is not in the assembly.");
        using var reader = new StreamReader(resource);
        migrationBuilder.Sql(reader.ReadToEnd());
    }
}
