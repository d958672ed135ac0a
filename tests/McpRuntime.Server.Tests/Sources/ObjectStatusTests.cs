using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Server.Sources.CustomResources;

namespace McpRuntime.Server.Tests.Sources;

/// <summary>What a McpRuntime says of itself, apart from any cluster.</summary>
internal sealed class ObjectStatusTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 4, 3, 2, 1, TimeSpan.Zero);

    [Test]
    public void A_refused_edit_says_why_and_is_not_ready()
    {
        var item = Object(generation: 2, Condition("Ready", "True", 1), Condition("Accepted", "True", 1));

        var conditions = RuntimeStatusText.Write(item, new Verdict(false, "Invalid", "spec.image is wrong", 2), view: null, held: null, Now)["conditions"].Objects().ToList();

        var accepted = conditions.Single(one => one["type"].AsText() == "Accepted");
        (accepted["status"].AsText(), accepted["message"].AsText(), accepted["observedGeneration"].AsNumber()).Should().Be(("False", "spec.image is wrong", 2));
        conditions.Single(one => one["type"].AsText() == "Ready")["status"].AsText().Should().Be("False");
    }

    [Test]
    public void A_condition_whose_status_stays_keeps_its_time()
    {
        var item = Object(generation: 3, Condition("Accepted", "True", 2));

        var kept = ObjectConditions.Write(item, [new Said("Accepted", "True", "Other", "words", 3)], Now);
        var turned = ObjectConditions.Write(item, [new Said("Accepted", "False", "Other", "words", 3)], Now);

        kept[0]!["lastTransitionTime"].AsText().Should().Be("2026-01-01T00:00:00Z");
        turned[0]!["lastTransitionTime"].AsText().Should().Be("2026-05-04T03:02:01Z");
    }

    [Test]
    public void News_are_judgements_and_what_came_or_went_and_not_the_steps_between()
    {
        var item = Object(generation: 1, Condition("Accepted", "True", 1), Condition("Ready", "False", 1));
        var status = (string ready, string reason) => new JsonObject
        {
            ["conditions"] = ObjectConditions.Write(item, [new Said("Accepted", "True", "R", "", 1), new Said("Ready", ready, reason, "words", 1)], Now),
        };

        ObjectConditions.News(item, status("False", "Pulling")).Should().BeEmpty();
        ObjectConditions.News(item, status("True", "Ready")).Should().ContainSingle().Which.Warning.Should().BeFalse();
    }

    [Test]
    public void An_object_is_read_as_the_manifest_that_it_is_in_any_script()
    {
        var item = new KubeObject(new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "echo", ["namespace"] = "team-a", ["managedFields"] = new JsonArray() },
            ["spec"] = new JsonObject { ["source"] = new JsonObject { ["type"] = "docker", ["image"] = "a/b:1" }, ["metadata"] = new JsonObject { ["note"] = "ü \"🙂\" #" }, ["colour"] = "red" },
        });

        var set = ObjectManifest.Read(KubeKind.McpRuntime, item);

        set.Errors.Should().ContainSingle().Which.Path.Should().Be("spec.colour");
        item.Spec!.Remove("colour");
        var request = ObjectManifest.Read(KubeKind.McpRuntime, item).Runtimes.Should().ContainSingle().Which.Request;
        request.Name.Should().Be("echo.team-a");
        request.Metadata.Should().Contain("note", "ü \"🙂\" #");
    }

    private static KubeObject Object(long generation, params JsonObject[] conditions) => new(new JsonObject
    {
        ["metadata"] = new JsonObject { ["name"] = "echo", ["namespace"] = "team-a", ["generation"] = generation },
        ["status"] = new JsonObject { ["conditions"] = new JsonArray([.. conditions]) },
    });

    private static JsonObject Condition(string type, string status, long generation) => new()
    {
        ["type"] = type, ["status"] = status, ["reason"] = "R", ["message"] = "", ["observedGeneration"] = generation, ["lastTransitionTime"] = "2026-01-01T00:00:00Z",
    };
}
