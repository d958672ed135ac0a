using System.Net;
using System.Text.Json;
using McpRuntime.Backends.Tests.Git;
using McpRuntime.Core.Manifests;
using McpRuntime.Server.Tests.Rest;
using static McpRuntime.Server.Tests.Sources.GitOpsHouse;

namespace McpRuntime.Server.Tests.Sources;

/// <summary>Whatever is wrong with a repository or the way to it: the last good set stays, and it is said what is wrong and where.</summary>
[Category("GitOps")]
[Parallelizable(ParallelScope.All)]
internal sealed class GitTroubleTests
{
    private GitServer _server = null!;

    [OneTimeSetUp]
    public async Task Open() => _server = await GitServer.StartAsync();

    [OneTimeTearDown]
    public async Task Close() => await _server.DisposeAsync();

    [Test]
    public async Task A_broken_file_keeps_the_whole_commit_out_and_is_told_by_file_document_and_line()
    {
        await using var house = await AppliedAsync();
        await house.CommitAsync(
            ("a.yaml", Manifest("a", "docker.io/library/echo:2")),
            ("b.yaml", "# two\n" + Manifest("b") + "---\n" + Manifest("b2", more: "  sauce: hot")),
            ("c.yaml", "apiVersion: mcpruntime.dev/v1alpha1\nkind: McpRuntime\nmetadata: {name: c\n"));

        var shown = await StaysAsync(house, "BrokenFiles");

        var errors = shown.GetProperty("errors").EnumerateArray().Select(error => (error.Text("file"), error.GetProperty("document").GetInt32(), error.GetProperty("line").GetInt32(), error.Text("path"))).ToList();
        errors.Should().Contain(("b.yaml", 2, 15, "spec.sauce")).And.Contain(error => error.Item1 == "c.yaml").And.HaveCount(2);
        shown.Text("error").Should().Contain("b.yaml:15: document 2: spec.sauce");

        await house.CommitAsync(("b.yaml", Manifest("b")), ("c.yaml", Manifest("c")));
        var mended = await house.SyncAsync();
        (mended.GetProperty("stale").GetBoolean(), mended.GetProperty("error").ValueKind, mended.GetProperty("errors").GetArrayLength()).Should().Be((false, JsonValueKind.Null, 0));
        (await house.LiveAsync()).Should().Contain("a", "docker.io/library/echo:2").And.ContainKeys("b", "c");
    }

    [Test]
    public async Task What_admission_refuses_is_told_of_the_manifest()
    {
        await using var house = await AppliedAsync();
        await house.CommitAsync(("b.yaml", Manifest("b", "evil.example/x:1")), ("c.yaml", Manifest("c")));

        var shown = await StaysAsync(house, "NotAdmitted");

        var error = shown.GetProperty("errors").EnumerateArray().Should().ContainSingle().Subject;
        (error.Text("file"), error.GetProperty("line").GetInt32(), error.Text("path")).Should().Be(("b.yaml", 6, "spec.source.image"));
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a");
    }

    [Test]
    public async Task An_empty_set_takes_nothing_along_until_an_admin_says_so()
    {
        await using var house = await AppliedAsync();
        await house.RemoveAsync("a.yaml");
        await StaysAsync(house, "Empty");
        using var oscar = await house.Service.ClientAsync("oscar", "operator");
        await oscar.PostTextAsync("/runtimes/sources/infra/sync", """{"allow_empty": true}""", HttpStatusCode.Forbidden);
        await StaysAsync(house, "Empty");

        var shown = await house.SyncAsync("""{"allow_empty": true}""");

        shown.GetProperty("stale").GetBoolean().Should().BeFalse();
        (await house.LiveAsync()).Should().BeEmpty();
    }

    [Test]
    public async Task A_large_prune_waits_for_a_word_which_holds_for_that_commit_alone()
    {
        var all = Enumerable.Range(0, 14).Select(at => ($"{at}.yaml", Manifest($"s{at}", more: "  state: Stopped")));
        await using var house = await GitOpsHouse.BuildAsync(_server, all);
        await house.SyncAsync();
        var few = await house.RemoveAsync([.. Enumerable.Range(0, 11).Select(at => $"{at}.yaml")]);
        var shown = await house.SyncAsync();
        shown.Text("reason").Should().Be("LargePrune");
        shown.Text("error").Should().Contain("11 of 14").And.Contain("s0").And.Contain("allow_large_prune");
        (await house.LiveAsync()).Should().HaveCount(14);

        // The word was for what was seen; what came since was not seen.
        var fewer = await house.RemoveAsync("11.yaml");
        (await house.SyncAsync($$"""{"allow_large_prune": true, "commit": "{{few}}"}""")).Text("reason").Should().Be("LargePrune");
        (await house.LiveAsync()).Should().HaveCount(14);

        (await house.SyncAsync("""{"allow_large_prune": true}""")).Text("commit").Should().Be(fewer);
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("s12", "s13");
    }

    [Test]
    public async Task With_prune_off_what_is_not_in_the_repository_stays()
    {
        await using var house = await GitOpsHouse.BuildAsync(_server, [("a.yaml", Manifest("a")), ("b.yaml", Manifest("b"))], ", \"prune\": false");
        await house.SyncAsync();
        await house.RemoveAsync("a.yaml");

        (await house.SyncAsync()).GetProperty("error").GetString().Should().BeNull();

        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a", "b");
    }

    [Test]
    public async Task A_history_that_was_rewritten_is_followed_only_on_a_word()
    {
        await using var house = await AppliedAsync();
        var work = Path.Combine(_server.Folder, "work", house.Repository);
        await File.WriteAllTextAsync(Path.Combine(work, "a.yaml"), Manifest("a", "docker.io/library/echo:2"));
        await GitServer.GitAsync(work, "-c", "user.name=Eve", "-c", "user.email=eve@example.org", "commit", "--quiet", "--all", "--amend", "-m", "other");
        await GitServer.GitAsync(work, "push", "--quiet", "--force", house.Bare, "main");
        var other = (await GitServer.GitAsync(work, "rev-parse", "HEAD")).Trim();

        (await StaysAsync(house, "Rewritten")).Text("error").Should().Contain(other).And.Contain("allow_rewrite");

        (await house.SyncAsync("""{"allow_rewrite": true}""")).Text("commit").Should().Be(other);
        (await house.LiveAsync())["a"].Should().EndWith("echo:2");
    }

    [Test]
    public async Task A_ref_that_vanished_and_a_repository_that_is_gone_prune_nothing()
    {
        await using var house = await AppliedAsync();
        await GitServer.GitAsync(house.Bare, "update-ref", "-d", "refs/heads/main");
        await StaysAsync(house, "RefNotFound");

        Directory.Move(house.Bare, house.Bare + ".gone");
        await StaysAsync(house, "RepositoryNotFound");

        Directory.Move(house.Bare + ".gone", house.Bare);
        await house.CommitAsync(("b.yaml", Manifest("b")));
        (await house.SyncAsync()).GetProperty("stale").GetBoolean().Should().BeFalse();
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a", "b");
    }

    [TestCase(0)]
    [TestCase(2)]
    [TestCase(3)]
    public async Task A_server_that_breaks_off_after_some_answers_changes_nothing(int answers)
    {
        await using var server = await GitServer.StartAsync();
        await using var house = await AppliedAsync(server);
        await house.CommitAsync(("a.yaml", Manifest("b")));
        server.WholeAnswers = answers;

        var shown = await house.SyncAsync();

        shown.GetProperty("stale").GetBoolean().Should().BeTrue();
        shown.Text("error").Should().NotBeEmpty();
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a");
        server.WholeAnswers = null;
        (await house.SyncAsync()).GetProperty("stale").GetBoolean().Should().BeFalse();
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("b");
    }

    [Test]
    public async Task Files_that_are_too_large_no_text_or_lead_out_are_told_and_nothing_outside_is_read()
    {
        await using var house = await AppliedAsync();
        var outside = Path.Combine(house.Service.Folder, "outside.yaml");
        await File.WriteAllTextAsync(outside, Manifest("outside"));
        await house.CommitAsync(async work =>
        {
            File.CreateSymbolicLink(Path.Combine(work, "absolute.yaml"), outside);
            File.CreateSymbolicLink(Path.Combine(work, "climbs.yaml"), "../../../../../../../../etc/hostname");
            File.CreateSymbolicLink(Path.Combine(work, "dangling.yaml"), "nothing.yaml");
            File.CreateSymbolicLink(Path.Combine(work, "again.yaml"), "a.yaml");
            await File.WriteAllBytesAsync(Path.Combine(work, "binary.yaml"), [0xff, 0xfe, 0x00, 0x80]);
            await File.WriteAllTextAsync(Path.Combine(work, "huge.yaml"), "# " + new string('x', ManifestReader.Longest + 1));
        });

        var shown = await StaysAsync(house, "BrokenFiles");

        shown.GetProperty("errors").EnumerateArray().Select(error => error.Text("file")).Should().BeEquivalentTo("absolute.yaml", "climbs.yaml", "dangling.yaml", "binary.yaml", "huge.yaml");
        shown.GetRawText().Should().NotContain(Environment.MachineName + "\\n");
        await house.RemoveAsync("absolute.yaml", "climbs.yaml", "dangling.yaml", "binary.yaml", "huge.yaml");
        (await house.SyncAsync()).GetProperty("error").GetString().Should().BeNull("a link to what is read anyway is no second manifest");
    }

    [Test]
    public async Task Submodules_hooks_and_filters_of_a_repository_do_nothing()
    {
        await using var house = await AppliedAsync();
        var other = $"acme/{Guid.NewGuid():N}";
        var commit = await _server.CreateAsync(other, ("evil.yaml", Manifest("evil")));
        var mark = Path.Combine(house.Service.Folder, "mark");
        await house.CommitAsync(async work =>
        {
            await File.WriteAllTextAsync(Path.Combine(work, ".gitmodules"), $"[submodule \"sub\"]\n\tpath = sub\n\turl = {_server.Url(other)}\n\tupdate = !touch {mark}\n");
            await File.WriteAllTextAsync(Path.Combine(work, ".gitattributes"), "*.yaml filter=run\n");
            Directory.CreateDirectory(Path.Combine(work, "hooks"));
            await File.WriteAllTextAsync(Path.Combine(work, "hooks", "post-checkout"), $"#!/bin/sh\ntouch {mark}\n");
            await GitServer.GitAsync(work, "add", "hooks/post-checkout", "--chmod=+x");
            await File.WriteAllTextAsync(Path.Combine(work, "b.yaml"), Manifest("b"));
            await GitServer.GitAsync(work, "update-index", "--add", "--cacheinfo", $"160000,{commit},sub");
            Directory.CreateDirectory(Path.Combine(work, "sub"));
        });

        var shown = await house.SyncAsync();

        shown.GetProperty("error").GetString().Should().BeNull();
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a", "b");
        File.Exists(mark).Should().BeFalse();
    }

    /// <summary>With one runtime, <c>a</c>, applied.</summary>
    private async Task<GitOpsHouse> AppliedAsync(GitServer? server = null)
    {
        var house = await GitOpsHouse.BuildAsync(server ?? _server, [("a.yaml", Manifest("a"))]);
        (await house.SyncAsync()).GetProperty("error").GetString().Should().BeNull();
        return house;
    }

    /// <summary>A look fails, is told, and <c>a</c> is as it was applied.</summary>
    private static async Task<JsonElement> StaysAsync(GitOpsHouse house, string reason)
    {
        var before = await house.ShowAsync();
        var shown = await house.SyncAsync();
        shown.Text("reason").Should().Be(reason, "it said {0}", shown.GetProperty("error").GetString());
        (shown.GetProperty("stale").GetBoolean(), shown.Text("commit"), shown.Text("applied_at")).Should().Be((true, before.Text("commit"), before.Text("applied_at")));
        (await house.LiveAsync())["a"].Should().Be(Image);
        return shown;
    }
}
