using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.PostgreSql;

[DbContext(typeof(PostgreSqlRecordsDb))]
[Migration("20261125000030_GitSources")]
internal sealed class M0030GitSources() : ScriptMigration("PostgreSql/0030_git_sources.sql");
