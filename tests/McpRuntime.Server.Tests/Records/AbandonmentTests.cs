using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Records;

namespace McpRuntime.Server.Tests.Records;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class AbandonmentTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    [Test]
    public async Task An_admin_gives_up_what_a_deletion_cannot_reach_and_the_audit_says_who_and_why()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("stranded").With("KEY", "value")), Ct)).Runtime.Id;
        await House.LeadAsync();
        await House.Get<IRouteTable>().PutAsync(
            new GatewayRoute("r1", id, "stranded", new UpstreamAddress("127.0.0.1", 9), "i", "/", "STREAMABLEHTTP", "public", null, "ann", [], [], DateTimeOffset.UnixEpoch, "f"), Ct);
        await House.Door.DeleteAsync(Given.Ann, id, false, null, Ct);
        House.SwitchedOff.Add("docker");

        var head = await House.Get<Abandonment>().AbandonAsync(Given.Admin, id, "the host burnt down", Ct);

        head.Status.Should().Be(RuntimeStatus.Deleted);
        (await House.Queries.FindAsync(Given.Ann, id, Ct))!.ErrorMessage.Should().Contain("the host burnt down").And.Contain("docker");
        (await House.Get<IAuditLog>().ListAsync(null, 10, Ct)).Should().Contain(entry => entry.Action == "runtime.abandon" && entry.Subject == "root" && entry.After == "the host burnt down");
        (await House.EnvironmentColumnAsync(id)).Should().BeNull("a tombstone holds no secrets");
        (await House.Get<IRouteTable>().FindAsync("stranded", Ct)).Should().BeNull();
        (await House.Store.DueAsync(Clock.GetUtcNow(), 10, Ct)).Should().BeEmpty();
        House.SwitchedOff.Clear();
        (await House.Door.PutAsync(Given.Ann, Given.Create("stranded"), Ct)).Created.Should().BeTrue("the name is free again");
    }

    [Test]
    public async Task What_a_deletion_can_reach_and_what_nobody_deletes_is_not_given_up()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("kept"), Ct)).Runtime.Id;
        var abandonment = House.Get<Abandonment>();

        House.SwitchedOff.Add("docker");
        (await abandonment.AbandonAsync(Given.Admin, id, "why", Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict, "nobody has deleted it");
        await House.Door.DeleteAsync(Given.Ann, id, false, null, Ct);
        var byOperator = () => abandonment.AbandonAsync(Given.Ann, id, "why", Ct);
        (await byOperator.Should().ThrowAsync<Refusal>()).Which.Kind.Should().Be(RefusalKind.Forbidden);
        House.SwitchedOff.Clear();
        (await abandonment.AbandonAsync(Given.Admin, id, "why", Ct).RefusedAsync()).Detail.Should().Contain("enabled");

        (await House.RecordAsync(id)).IsTombstone.Should().BeFalse();
    }
}
