using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.PostgreSql;

[DbContext(typeof(PostgreSqlRecordsDb))]
[Migration("20261125000003_Gateway")]
internal sealed class M0003Gateway() : ScriptMigration("PostgreSql/0003_gateway.sql");
