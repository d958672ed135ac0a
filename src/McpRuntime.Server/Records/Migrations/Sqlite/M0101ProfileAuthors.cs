using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace McpRuntime.Server.Records.Migrations.Sqlite;

[DbContext(typeof(SqliteRecordsDb))]
[Migration("20261126010001_ProfileAuthors")]
internal sealed class M0101ProfileAuthors() : ScriptMigration("Sqlite/0101_profile_authors.sql");
