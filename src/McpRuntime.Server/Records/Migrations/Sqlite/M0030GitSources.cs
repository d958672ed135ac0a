using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.Sqlite;

[DbContext(typeof(SqliteRecordsDb))]
[Migration("20261125000030_GitSources")]
internal sealed class M0030GitSources() : ScriptMigration("Sqlite/0030_git_sources.sql");
