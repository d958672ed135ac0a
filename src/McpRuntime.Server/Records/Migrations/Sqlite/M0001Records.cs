using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.Sqlite;

[DbContext(typeof(SqliteRecordsDb))]
[Migration("20261122000001_Records")]
internal sealed class M0001Records() : ScriptMigration("Sqlite/0001_records.sql");
