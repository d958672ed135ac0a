using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Tests.Records;

/// <summary>What the gateway keeps in the database: sessions, and the tools that were accepted.</summary>
[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class GatewayRecordsTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private ISessionStore Sessions => House.Get<ISessionStore>();

    [Test]
    public async Task A_session_moves_once_from_where_it_is_and_not_after_it_acted_or_ended()
    {
        await AddAsync("a");
        var moves = await Task.WhenAll(Enumerable.Range(0, 8).Select(number => Sessions.MoveAsync("a", "i1", "i2", $"up-{number}", Ct)));
        moves.Count(moved => moved).Should().Be(1, "two replicas that open it anew must not both believe that theirs is the one");
        (await Sessions.FindAsync("a", Ct))!.Instance.Should().Be("i2");

        await AddAsync("b");
        await Sessions.ActedAsync("b", Ct);
        (await Sessions.MoveAsync("b", "i1", "i2", "up", Ct)).Should().BeFalse();
        await AddAsync("c");
        await Sessions.EndAsync("c", Ct);
        (await Sessions.MoveAsync("c", "i1", "i2", "up", Ct)).Should().BeFalse();
        (await Sessions.FindAsync("c", Ct))!.HasEnded.Should().BeTrue();
    }

    [Test]
    public async Task Sessions_are_counted_by_runtime_and_caller_and_the_oldest_is_the_one_used_last()
    {
        await AddAsync("a", used: 3);
        await AddAsync("b", used: 1);
        await AddAsync("c", subject: "bob");
        await AddAsync("d", record: "other");
        await AddAsync("e");
        await Sessions.EndAsync("e", Ct);

        (await Sessions.CountAsync("record", "ann", Ct)).Should().Be((3, 2));
        (await Sessions.CountAsync("record", "eve", Ct)).Should().Be((3, 0));
        (await Sessions.OldestAsync("record", "ann", Ct))!.Hash.Should().Be("b");
        await Sessions.TouchAsync(new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal) { ["b"] = Clock.GetUtcNow().AddMinutes(9) }, Ct);
        (await Sessions.OldestAsync("record", "ann", Ct))!.Hash.Should().Be("a");
    }

    [Test]
    public async Task Idle_sessions_are_ended_by_one_replica_each_and_forgotten_later()
    {
        foreach (var number in Enumerable.Range(0, 10))
        {
            await AddAsync($"idle-{number}", used: 0);
        }

        await AddAsync("used", used: 60);
        var other = (await AnotherAsync()).Get<ISessionStore>();
        var cutoff = Clock.GetUtcNow().AddMinutes(30);

        var ended = await Task.WhenAll(Sessions.EndIdleAsync(cutoff, 100, Ct), other.EndIdleAsync(cutoff, 100, Ct));

        ended.SelectMany(some => some).Select(session => session.Hash).Should().OnlyHaveUniqueItems().And.HaveCount(10);
        (await Sessions.FindAsync("used", Ct))!.HasEnded.Should().BeFalse();
        await Sessions.PurgeAsync(cutoff, Ct);
        (await Sessions.FindAsync("idle-0", Ct)).Should().BeNull();
    }

    [Test]
    public async Task The_first_tools_of_a_generation_are_accepted_and_others_when_an_approver_says_so()
    {
        var tools = House.Get<ToolInventories>();
        var lease = await House.LeadAsync();
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;
        await ReportAsync(id, lease, "h1", isFirst: true, promoted: 1);
        (await House.RecordAsync(id)).ToolsAccepted.Should().Be("h1");
        (await tools.FindAsync(id, Ct))!.Should().BeEquivalentTo(new { HasDrifted = false, Tools = new Dictionary<string, string> { ["t"] = "h1" } });
        (await tools.AcceptAsync(Given.Admin, id, null, null, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);

        await ReportAsync(id, lease, "h2", isFirst: false);
        var seen = await tools.ShowAsync(Given.Ann, "one", Ct);
        seen.Should().BeEquivalentTo(new { HasDrifted = true, Generation = 1L });
        (await House.RecordAsync(id)).ToolsAccepted.Should().Be("h1");
        (await tools.AcceptAsync(Given.Admin, id, "h1", null, Ct).RefusedAsync()).Title.Should().Be("Changed again");

        var commands = (await House.RecordAsync(id)).CommandSequence;
        (await tools.AcceptAsync(Given.Admin, id, "h2", "looked at", Ct)).HasDrifted.Should().BeFalse();
        var record = await House.RecordAsync(id);
        record.ToolsAccepted.Should().Be("h2");
        record.CommandSequence.Should().Be(commands + 1, "a turn must see it");
        (await House.Get<IAuditLog>().ListAsync(null, 10, Ct)).Should().Contain(entry => entry.Action == "tools.accept" && entry.Before == "h1" && entry.After == "h2");
        (await House.Queries.EventsAsync(Given.Ann, id, null, 50, Ct)).Events.Should().Contain(happened => happened.Kind == "ToolsAccepted" && happened.Actor == "root");

        await ReportAsync(id, lease, "h1", isFirst: false);
        (await tools.ShowAsync(Given.Ann, "one", Ct)).HasDrifted.Should().BeTrue("going back is a change too");
    }

    [Test]
    public void Secrets_are_taken_out_of_arguments_by_value_and_by_name() =>
        ArgumentRedaction.Clean("""{"text":"say s3cret-value aloud","api_key":"x","deep":[{"PASSWORD":{"a":1}}],"n":1}""", new Redactor([new("s3cret-value")]))
            .Should().Be("""{"text":"say *** aloud","api_key":"***","deep":[{"PASSWORD":"***"}],"n":1}""");

    private Task AddAsync(string hash, string record = "record", string subject = "ann", int used = 0) => Sessions.AddAsync(
        new StoredSession(hash, record, subject, "i1", "{}", "sealed", HasActed: false, Clock.GetUtcNow(), Clock.GetUtcNow().AddMinutes(used), HasEnded: false), Ct);

    private async Task ReportAsync(string id, LeaseEpoch lease, string hash, bool isFirst, long? promoted = null)
    {
        var record = await House.RecordAsync(id);
        var report = Given.Seen(record) with { Tools = new ToolInventory(1, hash, [new ToolDefinition("t", hash, "{}")], isFirst), Promoted = promoted };
        (await House.Store.ReportAsync(report, lease, Ct)).Should().BeTrue();
    }
}
