using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.Sqlite;

[DbContext(typeof(SqliteRecordsDb))]
[Migration("20261125000004_History")]
internal sealed class M0004History() : ScriptMigration("Sqlite/0004_history.sql");
