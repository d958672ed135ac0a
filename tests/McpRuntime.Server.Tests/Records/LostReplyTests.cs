using System.Data.Common;
using McpRuntime.Core.Records;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace McpRuntime.Server.Tests.Records;

/// <summary>The connection breaks after COMMIT was carried out and before its answer came: the writer can't know, and must find out.</summary>
[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class LostReplyTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private readonly LostReply _wire = new();
    private RecordsHouse _house = null!;

    [SetUp]
    public async Task ConnectAsync() => _house = await AnotherAsync(interceptors: _wire);

    [Test]
    public async Task A_creation_is_made_once_and_answered_as_one()
    {
        _wire.LoseNext();
        var put = await _house.Door.PutAsync(Given.Ann, Given.Create("one"), Ct);

        put.Should().BeEquivalentTo(new { Created = true, Changed = true, Runtime = new { Generation = 1L } });
        (await House.Store.LiveIdsAsync(Ct)).Should().Equal(put.Runtime.Id);
        (await EventsAsync(put.Runtime.Id)).Should().Equal("Accepted");
    }

    [Test]
    public async Task A_creation_with_a_key_is_made_once()
    {
        _wire.LoseNext();
        var first = await _house.Door.PutAsync(Given.Ann, Given.Create("one", key: "k"), Ct);
        var again = await _house.Door.PutAsync(Given.Ann, Given.Create("one", key: "k"), Ct);

        first.Created.Should().BeTrue();
        again.Should().BeEquivalentTo(first);
        (await House.Store.LiveIdsAsync(Ct)).Should().ContainSingle();
    }

    [Test]
    public async Task An_update_and_a_restart_happen_once()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;

        _wire.LoseNext();
        var put = await _house.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/server:2"), ifGeneration: 1), Ct);
        put.Should().BeEquivalentTo(new { Created = false, Changed = true, Runtime = new { Generation = 2L } });
        _wire.LoseNext();
        await _house.Door.RestartAsync(Given.Ann, id, Ct);

        (await House.RecordAsync(id)).Should().BeEquivalentTo(new { AskedGeneration = 2L, RestartToken = 1L });
        (await EventsAsync(id)).Should().Equal("Accepted", "Accepted", "RestartRequested");
    }

    [Test]
    public async Task A_report_is_written_once_and_the_turn_is_told_to_look_again()
    {
        var lease = await House.LeadAsync();
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;

        _wire.LoseNext();
        var written = await _house.Store.ReportAsync(Given.Seen(await House.RecordAsync(id), RuntimeStatus.Running, new NewEvent("Turn", "t")), lease, Ct);

        written.Should().BeFalse();
        (await House.RecordAsync(id)).Status.Should().Be(RuntimeStatus.Running);
        (await EventsAsync(id)).Should().Equal("Accepted", "Turn");
    }

    private async Task<IEnumerable<string>> EventsAsync(string id) =>
        (await House.Queries.EventsAsync(Given.Ann, id, null, 100, Ct)).Events.Select(happened => happened.Kind);

    private sealed class LostReply : DbTransactionInterceptor
    {
        private int _armed;

        public void LoseNext() => Volatile.Write(ref _armed, 1);

        public override Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default) =>
            Interlocked.Exchange(ref _armed, 0) == 1 ? throw new IOException("The connection was cut.") : Task.CompletedTask;
    }
}
