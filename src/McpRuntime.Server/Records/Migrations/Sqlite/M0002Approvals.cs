using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.Sqlite;

[DbContext(typeof(SqliteRecordsDb))]
[Migration("20261122000002_Approvals")]
internal sealed class M0002Approvals() : ScriptMigration("Sqlite/0002_approvals.sql");
