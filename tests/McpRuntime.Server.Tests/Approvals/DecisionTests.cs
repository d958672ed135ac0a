using McpRuntime.Core.Records;
using McpRuntime.Server.Records;
using McpRuntime.Server.Tests.Records;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Tests.Approvals;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class DecisionTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    [Test]
    public async Task An_approval_admits_the_generation_wakes_it_and_says_who_and_why()
    {
        var id = await House.AskAsync("one");
        var before = (await House.RecordAsync(id)).CommandSequence;

        var decided = await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, true, "looked at it");

        decided.Status.Should().Be("approved");
        decided.ReviewedBy.Should().Equal("carol");
        decided.DecisionReason.Should().Be("looked at it");
        decided.ContentHash.Should().StartWith("a1:");
        (await House.StateAsync(id, 1)).Should().Be(RevisionState.Admitted);
        (await House.RecordAsync(id)).CommandSequence.Should().BeGreaterThan(before, "a turn must come without any further call");
        House.Woken.Ids.Should().EndWith(id);
        (await House.EventsAsync(id)).Should().EndWith("Approved");
        (await House.Get<IAuditLog>().ListAsync(null, 1, Ct)).Should().ContainSingle(entry => entry.Action == "approval.approve" && entry.Subject == "carol");
        (await House.Queries.FindAsync(Given.Ann, id, Ct))!.ApprovedBy.Should().Be("carol");
    }

    [Test]
    public async Task A_rejection_fails_the_generation_for_good_with_the_words()
    {
        var id = await House.AskAsync("one");

        await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, false, "not from there");

        var asked = (await House.RecordAsync(id)).Asked;
        asked.State.Should().Be(RevisionState.Failed);
        asked.FailedReason.Should().Be("Rejected");
        asked.FailedMessage.Should().Contain("carol").And.Contain("not from there");
        (await House.EventsAsync(id)).Should().EndWith("Rejected");
    }

    [Test]
    public async Task Nobody_decides_before_it_is_resolved()
    {
        var id = await House.AskAsync("one", resolved: false);
        var approval = await House.PendingAsync(id);

        (await House.DecideAsync(Waiting.Carol, approval.Id, true).RefusedAsync()).Title.Should().Be("NotResolved");
        (await House.DecideAsync(Waiting.Carol, approval.Id, false).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);

        await House.ResolveAsync(id);
        (await House.PendingAsync(id)).Pin.Should().Be("docker.io/library/server@sha256:00");
        (await House.DecideAsync(Waiting.Carol, approval.Id, true)).Status.Should().Be("approved");
    }

    [Test]
    public async Task Nobody_approves_their_own_request_unless_the_setting_allows_it()
    {
        var both = new Caller("both", Roles.Operator | Roles.Approver, [], "rest");
        var id = await House.AskAsync("one", both);
        var approval = await House.PendingAsync(id);

        (await House.DecideAsync(both, approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
        (await House.DecideAsync(new Caller("both", Roles.Admin, [], "rest"), approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);

        House.Approvals = Waiting.Policy() with { AllowSelf = true };
        (await House.DecideAsync(both, approval.Id, true)).Status.Should().Be("approved");
    }

    [Test]
    public async Task An_empty_list_of_approvers_lets_approvers_decide_and_nobody_else()
    {
        var id = await House.AskAsync("one");
        var approval = await House.PendingAsync(id);

        (await House.DecideAsync(Given.Bob, approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
        (await House.DecideAsync(Given.Viewer, approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
        (await House.DecideAsync(Waiting.Dave, approval.Id, true)).Status.Should().Be("approved");
    }

    [Test]
    public async Task A_list_of_approvers_names_subjects_and_teams_and_binds_admins_too()
    {
        House.Approvals = Waiting.Policy("security");
        var id = await House.AskAsync("one");
        var approval = await House.PendingAsync(id);

        (await House.DecideAsync(Waiting.Dave, approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
        (await House.DecideAsync(Given.Admin, approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
        (await House.DecideAsync(Given.Ann with { Teams = ["security"] }, approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden, "the team is on the list, and the role is missing");
        (await House.DecideAsync(Waiting.Carol, approval.Id, true)).Status.Should().Be("approved");
    }

    [Test]
    public async Task A_request_of_nobody_needs_two_different_people()
    {
        House.Approvals = Waiting.Policy();
        var put = Given.Create("one.default") with { Owner = "git:infra", MustCreate = false };
        var id = (await House.Door.PutAsync(new Caller("git:infra", Roles.Operator, [], "git:infra"), put, Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        var approval = await House.PendingAsync(id);
        approval.RequiredApprovals.Should().Be(2);

        (await House.DecideAsync(Waiting.Carol, approval.Id, true)).Status.Should().Be("pending");
        (await House.StateAsync(id, 1)).Should().Be(RevisionState.Pending);
        (await House.DecideAsync(Waiting.Carol, approval.Id, true).RefusedAsync()).Title.Should().Be("AlreadyReviewed");

        var decided = await House.DecideAsync(Waiting.Dave, approval.Id, true);
        decided.Status.Should().Be("approved");
        decided.ReviewedBy.Should().Equal("carol", "dave");
        (await House.StateAsync(id, 1)).Should().Be(RevisionState.Admitted);
    }

    [TestCase("carol", true)]
    [TestCase("carol,security", false)]
    public async Task A_request_that_too_few_can_approve_says_so(string approvers, bool told)
    {
        House.Approvals = Waiting.Policy(approvers.Split(','));
        var put = Given.Create("one.default") with { Owner = "git:infra", MustCreate = false };
        var id = (await House.Door.PutAsync(new Caller("git:infra", Roles.Operator, [], "git:infra"), put, Ct)).Runtime.Id;

        var asked = (await House.Queries.EventsAsync(Given.Admin, id, null, 500, Ct)).Events.Single(happened => happened.Kind == "ApprovalRequested");

        asked.Message.Contains("RUNTIME_APPROVERS", StringComparison.Ordinal).Should().Be(told);
    }

    [Test]
    public async Task Of_two_decisions_at_once_one_wins_and_the_other_conflicts()
    {
        for (var round = 0; round < 10; round++)
        {
            var id = await House.AskAsync($"one-{round}");
            var approval = await House.PendingAsync(id);

            var outcomes = await Task.WhenAll(
                Task.Run(() => TryAsync(Waiting.Carol, approval.Id, true)),
                Task.Run(() => TryAsync(Waiting.Dave, approval.Id, false)));

            outcomes.Count(outcome => outcome is null).Should().Be(1);
            outcomes.Count(outcome => outcome == RefusalKind.Conflict).Should().Be(1);
            var approved = outcomes[0] is null;
            (await House.StateAsync(id, 1)).Should().Be(approved ? RevisionState.Admitted : RevisionState.Failed);
        }
    }

    [Test]
    public async Task A_newer_spec_voids_the_old_request()
    {
        var id = await House.AskAsync("one");
        var old = await House.PendingAsync(id);

        await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/server:2")), Ct);

        (await House.DecideAsync(Waiting.Carol, old.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
        (await House.StateAsync(id, 1)).Should().Be(RevisionState.Superseded);
        (await House.StateAsync(id, 2)).Should().Be(RevisionState.Pending);
    }

    [Test]
    public async Task A_pending_runtime_that_was_deleted_can_not_be_approved_later()
    {
        var id = await House.AskAsync("one");
        var approval = await House.PendingAsync(id);
        await House.Door.DeleteAsync(Given.Ann, id, false, null, Ct);

        (await House.DecideAsync(Waiting.Carol, approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);

        (await House.StateAsync(id, 1)).Should().Be(RevisionState.Pending);
        (await House.Get<IApprovalQueries>().FindAsync(Given.Admin, approval.Id, Ct))!.Status.Should().Be("cancelled");
        var again = (await House.Door.PutAsync(Given.Ann, Given.Create("two"), Ct)).Runtime.Id;
        (await House.StateAsync(again, 1)).Should().Be(RevisionState.Pending, "another record inherits nothing");
    }

    [Test]
    public async Task A_tag_that_moves_after_the_request_moves_nothing()
    {
        var id = await House.AskAsync("one");

        await House.ResolveAsync(id, "docker.io/library/server@sha256:ff");

        (await House.RecordAsync(id)).Asked.Facts!.Pin.Should().Be("docker.io/library/server@sha256:00");
        await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, true);
        await House.ResolveAsync(id, "docker.io/library/server@sha256:ff");
        (await House.RecordAsync(id)).Asked.Facts!.Pin.Should().Be("docker.io/library/server@sha256:00", "what was approved is what runs");
    }

    [Test]
    public async Task Content_that_is_not_what_was_asked_about_is_asked_about_anew()
    {
        var id = await House.AskAsync("one");
        var old = await House.PendingAsync(id);
        await House.Get<Database>().WriteAsync(
            (db, ct) => db.Revisions.Where(row => row.RuntimeId == id).ExecuteUpdateAsync(row => row.SetProperty(r => r.ContentHash, "v1:another"), ct), Ct);

        (await House.DecideAsync(Waiting.Carol, old.Id, true).RefusedAsync()).Title.Should().Be("Superseded");

        (await House.StateAsync(id, 1)).Should().Be(RevisionState.Pending);
        (await House.Get<IApprovalQueries>().FindAsync(Given.Admin, old.Id, Ct))!.Status.Should().Be("superseded");
        var again = await House.PendingAsync(id);
        again.ContentHash.Should().Be("v1:another");
        (await House.Queries.FindAsync(Given.Ann, id, Ct))!.ApprovalId.Should().Be(again.Id);
    }

    [Test]
    public async Task An_approver_sees_and_decides_what_waits_whatever_the_team()
    {
        House.Approvals = Waiting.Policy();
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("one") with { Visibility = "private" }), Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        var approval = await House.PendingAsync(id);

        (await House.DecideAsync(Given.Bob, approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.NotFound);
        (await House.DecideAsync(Waiting.Carol, approval.Id, true)).Status.Should().Be("approved");
        (await House.DecideAsync(Waiting.Carol, "nothing", true).RefusedAsync()).Kind.Should().Be(RefusalKind.NotFound);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task The_same_spec_sent_again_after_a_no_asks_again(bool rejected)
    {
        var id = await House.AskAsync("one");
        var first = await House.PendingAsync(id);
        if (rejected)
        {
            await House.DecideAsync(Waiting.Carol, first.Id, false, "say what for");
        }
        else
        {
            await House.LeadAsync();
            Clock.Advance(TimeSpan.FromHours(48));
            await House.Get<McpRuntime.Server.Approvals.ApprovalSweep>().RunAsync(Ct);
        }

        var put = await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one")), Ct);

        (put.Changed, put.Runtime.Generation).Should().Be((true, 2L));
        var again = await House.PendingAsync(id);
        again.Id.Should().NotBe(first.Id);
        (await House.StateAsync(id, 1)).Should().Be(RevisionState.Failed, "what was turned down stays so");
        await House.ResolveAsync(id);
        await House.DecideAsync(Waiting.Carol, again.Id, true);
        (await House.StateAsync(id, 2)).Should().Be(RevisionState.Admitted);
        (await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one")), Ct)).Changed.Should().BeFalse("now it is the same");
    }

    [Test]
    public async Task A_source_that_is_read_over_and_over_does_not_ask_again_by_itself()
    {
        House.Approvals = Waiting.Policy();
        var source = new Caller("git:infra", Roles.Operator, [], "git:infra");
        var put = Given.Create("one.default") with { Owner = "git:infra", MustCreate = false };
        var id = (await House.Door.PutAsync(source, put, Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, false);

        (await House.Door.PutAsync(source, put, Ct)).Changed.Should().BeFalse();

        (await House.RecordAsync(id)).Asked.State.Should().Be(RevisionState.Failed);
    }

    [Test]
    public async Task Whoever_is_told_of_a_request_is_told_of_its_end_however_it_ends()
    {
        House.Approvals = Waiting.Policy() with { Notifies = true };
        var id = await House.AskAsync("one");
        await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/server:2")), Ct);
        await House.Get<Database>().WriteAsync(
            (db, ct) => db.Revisions.Where(row => row.RuntimeId == id && row.Generation == 2).ExecuteUpdateAsync(row => row.SetProperty(r => r.ContentHash, "v1:another"), ct), Ct);
        await House.ResolveAsync(id);
        _ = await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, true).RefusedAsync();
        await House.Door.DeleteAsync(Given.Ann, id, false, null, Ct);

        var told = await House.Get<Database>().ReadAsync((db, ct) => db.Webhooks.OrderBy(row => row.Id).Select(row => row.Body).ToListAsync(ct), Ct);
        var kinds = told.Select(body => System.Text.Json.JsonDocument.Parse(body).RootElement.GetProperty("type").GetString());
        kinds.Should().BeEquivalentTo("approval.requested", "approval.superseded", "approval.requested", "approval.superseded", "approval.requested", "approval.cancelled");
    }

    private async Task<RefusalKind?> TryAsync(Caller by, string approvalId, bool approves)
    {
        try
        {
            await House.DecideAsync(by, approvalId, approves);
            return null;
        }
        catch (Refusal refusal)
        {
            return refusal.Kind;
        }
    }
}
