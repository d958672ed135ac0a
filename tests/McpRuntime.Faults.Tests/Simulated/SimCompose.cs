using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Faults.Tests.Simulated;

/// <summary>
/// A runtime of four services, as a compose file makes one: a database on a volume, a job that waits for it to be well, the server that
/// waits for the job's end, a worker that waits for the server's start. The file's text is the versions of the last three.
/// </summary>
internal static class SimCompose
{
    public const string Job = "c-job";

    public static RuntimeSpec Spec(string versions) => SimRecords.Spec("x") with { Source = new Source.Compose(versions, null, null, null, "web") };

    public static IReadOnlyList<Resource> Containers(CompileInput input, string versions, IReadOnlyList<Resource> stay)
    {
        var version = versions.Split(',');
        var (common, volume) = (stay.Where(r => r.Kind is not ResourceKind.Volume).Select(r => r.Id).ToList(), stay.Where(r => r.Kind is ResourceKind.Volume).Select(r => r.Id));
        Resource Make(string service, string v, Rollout rollout, IEnumerable<string> uses, IEnumerable<string> after, IEnumerable<string> started) =>
            new($"c-{service}-{v}-{input.RestartToken}", ResourceKind.Container, $"{service}{v}#{input.RestartToken}", [.. uses, .. after], input.Revision.Generation, new SimBody([.. uses]) { After = [.. after] })
            {
                Service = service,
                Rollout = rollout,
                AfterStart = [.. started],
            };
        var db = Make("db", "1", Rollout.Recreate, [.. common, .. volume], [], []);
        var job = Make("job", version[0], Rollout.Recreate, common, [db.Id], []);
        var web = Make("web", version[1], Rollout.BlueGreen, common, [job.Id], [db.Id]);
        var worker = Make("worker", version[2], Rollout.Recreate, common, [], [web.Id]);
        return [db, job, web, worker];
    }
}
