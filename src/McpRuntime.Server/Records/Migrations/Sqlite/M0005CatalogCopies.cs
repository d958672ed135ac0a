using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.Sqlite;

[DbContext(typeof(SqliteRecordsDb))]
[Migration("20261125000005_CatalogCopies")]
internal sealed class M0005CatalogCopies() : ScriptMigration("Sqlite/0005_catalog_copies.sql");
