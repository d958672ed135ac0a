using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.PostgreSql;

[DbContext(typeof(PostgreSqlRecordsDb))]
[Migration("20261122000002_Approvals")]
internal sealed class M0002Approvals() : ScriptMigration("PostgreSql/0002_approvals.sql");
