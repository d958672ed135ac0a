using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.PostgreSql;

[DbContext(typeof(PostgreSqlRecordsDb))]
[Migration("20261125000005_CatalogCopies")]
internal sealed class M0005CatalogCopies() : ScriptMigration("PostgreSql/0005_catalog_copies.sql");
