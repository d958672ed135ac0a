using McpRuntime.Server.Records;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Tests.Records;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class SchemaTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    /// <summary>Columns with type, nullability and default; then indexes and constraints, as the database itself tells them.</summary>
    private static string Describe => IsSqlite
        ? """
          SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || c.pk || ' ' || coalesce(c.dflt_value, '') AS "Value"
            FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE '\_\_EF%' ESCAPE '\' AND m.name NOT LIKE 'sqlite%'
          UNION ALL
          SELECT m.name || ' ' || i."unique" || ' ' || i.partial || ' ' || x.seqno || ' ' || coalesce(x.name, '') || ' ' || coalesce((SELECT substr(sql, instr(sql, 'WHERE')) FROM sqlite_master w WHERE w.name = i.name AND i.partial), '')
            FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) x WHERE m.type = 'table' AND m.name NOT LIKE '\_\_EF%' ESCAPE '\'
          UNION ALL
          SELECT m.name || ' -> ' || f."table" || ' ' || f."from" || ' ' || f."to" || ' ' || f.on_delete
            FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'
          """
        : """
          SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || is_identity || ' ' || coalesce(column_default, '') AS "Value"
            FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\_\_EF%'
          UNION ALL
          SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE '\_\_EF%'
          UNION ALL
          SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '%\_\_EF%'
          """;

    [Test]
    public async Task The_migrated_schema_is_the_models()
    {
        var migrated = await DescribeAsync(DatabaseAddress.Of(House.Options));
        var address = DatabaseAddress.Of(House.Options with { DatabaseUrl = new TKind().NewUrl(), DataDirectory = Directory.CreateDirectory(Path.Combine(Folder, "model")).FullName });
        await using (var db = RecordsRegistration.Opener(address)())
        {
            await db.Database.EnsureCreatedAsync(Ct);
        }

        var model = await DescribeAsync(address);
        model.Should().HaveCountGreaterThan(100);
        migrated.Should().BeEquivalentTo(model);
    }

    [Test]
    public async Task Migrating_again_changes_nothing_and_keeps_the_data()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;

        var again = await AnotherAsync();

        (await again.RecordAsync(id)).Name.Should().Be("one");
    }

    [Test]
    public async Task Processes_that_start_together_migrate_once()
    {
        var url = new TKind().NewUrl();
        var folder = Directory.CreateDirectory(Path.Combine(Folder, "together")).FullName;

        var houses = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => RecordsHouse.OpenAsync(url, folder, Clock))));

        var ids = await Task.WhenAll(houses.Select(house => house.Store.InstanceIdAsync(Ct)));
        ids.Distinct().Should().ContainSingle();
        foreach (var house in houses)
        {
            await house.DisposeAsync();
        }
    }

    [Test]
    public async Task A_lock_that_a_killed_migration_left_is_cleared_not_waited_for()
    {
        if (IsSqlite)
        {
            await House.Get<Database>().WriteAsync(
                (db, ct) => db.Database.ExecuteSqlRawAsync(
                    """
                    CREATE TABLE IF NOT EXISTS "__EFMigrationsLock" ("Id" INTEGER NOT NULL CONSTRAINT "PK___EFMigrationsLock" PRIMARY KEY, "Timestamp" TEXT NOT NULL);
                    INSERT INTO "__EFMigrationsLock" VALUES (1, '2026-01-01 00:00:00');
                    """,
                    ct),
                Ct);
        }

        var opened = AnotherAsync();
        (await Task.WhenAny(opened, Task.Delay(TimeSpan.FromSeconds(20), TimeProvider.System, Ct))).Should().BeSameAs(opened);
        await opened;
    }

    [Test]
    public async Task Another_master_key_is_refused_at_the_start()
    {
        var open = () => AnotherAsync(change: options => options with { MasterKey = Convert.ToBase64String(new byte[32]) });

        (await open.Should().ThrowAsync<InvalidOperationException>()).WithMessage("RUNTIME_MASTER_KEY*");
    }

    private static async Task<List<string>> DescribeAsync(DatabaseAddress address)
    {
        await using var db = RecordsRegistration.Opener(address)();
        return await db.Database.SqlQueryRaw<string>(Describe).ToListAsync(Ct);
    }
}
