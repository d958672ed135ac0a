using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.PostgreSql;

[DbContext(typeof(PostgreSqlRecordsDb))]
[Migration("20261125000004_History")]
internal sealed class M0004History() : ScriptMigration("PostgreSql/0004_history.sql");
