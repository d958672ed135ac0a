using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.PostgreSql;

[DbContext(typeof(PostgreSqlRecordsDb))]
[Migration("20261126010001_ProfileAuthors")]
internal sealed class M0101ProfileAuthors() : ScriptMigration("PostgreSql/0101_profile_authors.sql");
