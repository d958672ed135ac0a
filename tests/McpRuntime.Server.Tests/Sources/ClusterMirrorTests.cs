using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Server.Sources.CustomResources;
using Microsoft.Extensions.Logging.Abstractions;

namespace McpRuntime.Server.Tests.Sources;

/// <summary>What is known of the cluster's objects when replies to our writes and the watch's news cross.</summary>
internal sealed class ClusterMirrorTests
{
    private ClusterMirror _mirror = null!;

    [SetUp]
    public void KnowOne()
    {
        _mirror = new ClusterMirror(null!, TimeProvider.System, Random.Shared, NullLogger<ClusterMirror>.Instance);
        Tell(KubeChange.Added, Object("5"));
    }

    [Test]
    public void The_reply_to_a_write_takes_the_place_of_what_was_written_to()
    {
        _mirror.Written(KubeKind.McpRuntime, Object("6"), based: "5");

        Known().ResourceVersion.Should().Be("6");
    }

    [Test]
    public void A_reply_that_comes_after_the_news_of_a_deletion_does_not_hide_it()
    {
        Tell(KubeChange.Modified, Object("6"));
        Tell(KubeChange.Modified, Object("7", deleting: true));

        _mirror.Written(KubeKind.McpRuntime, Object("6"), based: "5");

        Known().IsDeleting.Should().BeTrue();
        Known().ResourceVersion.Should().Be("7");
    }

    [Test]
    public void What_was_let_go_takes_no_newer_one_of_the_same_name_with_it()
    {
        Tell(KubeChange.Deleted, Object("6"));
        Tell(KubeChange.Added, Object("7", uid: "b"));

        _mirror.Gone(KubeKind.McpRuntime, Object("5"));

        Known().Uid.Should().Be("b");
    }

    private KubeObject Known() => _mirror.Of(KubeKind.McpRuntime).Single();

    private void Tell(KubeChange change, KubeObject item) => _mirror.Take(KubeKind.McpRuntime, null, new Followed(null, new KubeEvent(change, item), item.ResourceVersion));

    private static KubeObject Object(string version, string uid = "a", bool deleting = false) => new(new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = "echo", ["namespace"] = "team-a", ["uid"] = uid, ["resourceVersion"] = version, ["deletionTimestamp"] = deleting ? "2026-05-04T03:02:01Z" : null },
    });
}
