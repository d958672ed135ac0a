using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Sources.CustomResources;

/// <summary>Whether the object's present content was taken over into its record.</summary>
/// <param name="Generation">Of the object, that this is about.</param>
/// <param name="Applied">False: accepted, and yet left aside.</param>
internal sealed record Verdict(bool Accepted, string Reason, string Message, long Generation, bool Applied = true);

/// <summary>A McpRuntime's status, from the verdict and its record. Pure.</summary>
internal static class RuntimeStatusText
{
    private const string Ready = nameof(ConditionType.Ready);
    private const string Accepted = nameof(ConditionType.Accepted);

    /// <param name="held">Set: the object is being deleted, and this is what its end waits for.</param>
    public static JsonObject Write(KubeObject item, Verdict? verdict, RuntimeView? view, Said? held, DateTimeOffset now)
    {
        var status = new JsonObject { ["observedGeneration"] = item.Generation };
        if (view is not null)
        {
            Add(status, "status", JsonNamingPolicy.SnakeCaseLower.ConvertName(view.Status.ToString()));
            Add(status, "runtimeId", view.Id);
            Add(status, "endpointUrl", view.Display.EndpointUrl);
            Add(status, "gatewayId", view.Display.GatewayId);
            Add(status, "imageDigest", view.Display.ImageDigest);
            if (view.ApprovalId is { } approval)
            {
                var asked = new JsonObject { ["id"] = approval, ["status"] = view.ApprovalStatus };
                Add(asked, "expiresAt", view.ApprovalExpiresAt is { } expires ? ObjectConditions.Time(expires) : null);
                status["approval"] = asked;
            }

            if (view.Display.GuardrailsWarnings is { Count: > 0 } warnings)
            {
                status["guardrailsWarnings"] = new JsonArray([.. warnings.Select(warning => JsonValue.Create($"{warning.Field}: {warning.Message}"))]);
            }

            if (view.Display.Server is { Verdict: HandshakeVerdict.Passed } server)
            {
                var info = new JsonObject();
                Add(info, "name", server.ServerName);
                Add(info, "version", server.ServerVersion);
                Add(info, "protocolVersion", server.ProtocolVersion);
                status["serverInfo"] = info;
            }
        }

        status["conditions"] = ObjectConditions.Write(item, Conditions(item, verdict, view, held), now);
        return status;
    }

    private static IEnumerable<Said> Conditions(KubeObject item, Verdict? verdict, RuntimeView? view, Said? held)
    {
        if (held is not null)
        {
            yield return held;
        }

        if (verdict is not null)
        {
            yield return new(Accepted, verdict.Accepted ? "True" : "False", verdict.Reason, verdict.Message, verdict.Generation);
        }

        // What runs is what was accepted last: words about it are no answer to a newer content that was refused.
        var running = verdict is { Accepted: true, Applied: true } ? verdict.Generation : ObjectConditions.Generation(item, Ready) ?? 0;
        foreach (var condition in view?.Conditions.Where(condition => condition.Type is not (ConditionType.Accepted or ConditionType.Ready)) ?? [])
        {
            yield return new(condition.Type.ToString(), condition.Status.ToString(), condition.Reason, condition.Message, running);
        }

        yield return ReadyOf(item, verdict, view, held, running);
    }

    private static Said ReadyOf(KubeObject item, Verdict? verdict, RuntimeView? view, Said? held, long running)
    {
        if (held is not null)
        {
            return new(Ready, "False", "Deleting", "It is being deleted.", item.Generation);
        }

        if (view is null)
        {
            return new(Ready, "False", verdict is { Accepted: false } ? "NotAccepted" : "NotDeployed", verdict is { Accepted: false } refused ? refused.Message : "Nothing is deployed of it yet.", item.Generation);
        }

        return view.Conditions.FirstOrDefault(condition => condition.Type == ConditionType.Ready) is { } ready && view.CommandsObserved && view.ObservedGeneration >= view.Generation
            ? new(Ready, ready.Status.ToString(), ready.Reason, ready.Message, running)
            : new(Ready, "False", "Progressing", $"Generation {view.Generation} has not been looked at yet.", running);
    }

    private static void Add(JsonObject to, string name, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            to[name] = value;
        }
    }
}
