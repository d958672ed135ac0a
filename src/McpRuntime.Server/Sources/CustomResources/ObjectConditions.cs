using System.Globalization;
using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;

namespace McpRuntime.Server.Sources.CustomResources;

/// <summary>What is said of an object in one condition.</summary>
/// <param name="Status"><c>True</c>, <c>False</c> or <c>Unknown</c>.</param>
/// <param name="Generation">Of the object: what the words are about. <c>kubectl wait</c> believes no older one.</param>
internal sealed record Said(string Type, string Status, string Reason, string Message, long Generation);

internal static class ObjectConditions
{
    private const int LongestMessage = 32_000;

    /// <summary>The conditions as they will stand: the time of one whose status is as before stays.</summary>
    public static JsonArray Write(KubeObject item, IEnumerable<Said> said, DateTimeOffset now)
    {
        var before = item.At("status", "conditions").Objects().ToList();
        return new JsonArray([.. said.OrderBy(one => one.Type, StringComparer.Ordinal).Select(one => Of(one, before.Find(old => old["type"].AsText() == one.Type), now))]);
    }

    /// <summary>What is worth an event: a judgement, and readiness or a standstill that came or went. The steps between stand in the conditions.</summary>
    public static IEnumerable<(Said Condition, bool Warning)> News(KubeObject before, JsonObject status)
    {
        foreach (var now in status["conditions"].Objects().Select(Read))
        {
            var (was, why) = (Find(before, now.Type)?["status"].AsText() ?? "False", Reason(before, now.Type));
            var isNews = now.Type switch
            {
                "Accepted" => why != now.Reason,
                "Ready" or "Stalled" => was != now.Status,
                "Deleting" => why is null,
                _ => false,
            };
            if (isNews)
            {
                yield return (now, now.Type == "Stalled" ? now.Status == "True" : now.Type is not "Deleting" && now.Status == "False");
            }
        }
    }

    public static string? Reason(KubeObject item, string type) => Find(item, type)?["reason"].AsText();

    /// <summary>The generation that a condition of this type was last told of; null: never.</summary>
    public static long? Generation(KubeObject item, string type) => Find(item, type)?["observedGeneration"].AsNumber();

    /// <summary>As Kubernetes writes it: whole seconds of UTC.</summary>
    public static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static JsonObject? Find(KubeObject item, string type) => item.At("status", "conditions").Objects().FirstOrDefault(one => one["type"].AsText() == type);

    private static Said Read(JsonObject one) =>
        new(one["type"].AsText() ?? "", one["status"].AsText() ?? "", one["reason"].AsText() ?? "", one["message"].AsText() ?? "", one["observedGeneration"].AsNumber() ?? 0);

    private static JsonObject Of(Said said, JsonObject? before, DateTimeOffset now) => new()
    {
        ["type"] = said.Type,
        ["status"] = said.Status,
        ["reason"] = said.Reason,
        ["message"] = said.Message.Length <= LongestMessage ? said.Message : said.Message[..LongestMessage] + "…",
        ["observedGeneration"] = said.Generation,
        ["lastTransitionTime"] = before is not null && before["status"].AsText() == said.Status && before["lastTransitionTime"].AsText() is { } then
            ? then
            : Time(now),
    };
}
