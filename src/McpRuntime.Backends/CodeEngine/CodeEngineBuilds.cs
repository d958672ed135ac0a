using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>Builds and their runs. A finished run vanishes after an hour or more, so its digest is read as soon as it is there, and the build is then no longer wanted.</summary>
internal sealed class CodeEngineBuilds(CodeEngineWire wire)
{
    /// <summary>Runs for one restart token: what was evicted, or lost by the platform, is tried again.</summary>
    private const int MostAttempts = 3;

    private static readonly Outcome Done = new Outcome.Done();

    public async Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, BuildBody body, CancellationToken ct)
    {
        if (await wire.BuildAsync(resource.Id, ct) is not { } live)
        {
            return await wire.CreateBuildAsync(body.Build, ct) is Written.Conflict
                ? Faults.Of(FaultKind.Transient, "NameTaken", $"The project says that there is a build {resource.Id} already; it is looked at again.")
                : await RunAsync(body, ct);
        }

        if (!CodeEngineNames.IsOurs(id, live.Marks))
        {
            return Faults.NotOurs("build", resource.Id);
        }

        if (BuildBody.Fingerprint(live) != resource.Fingerprint)
        {
            // Its name carries its hash: somebody changed it by hand, and what it would build is not what was asked.
            _ = await wire.DeleteBuildAsync(resource.Id, ct);
            return new Outcome.InProgress($"The build {resource.Id} was changed by hand; it is made again.");
        }

        if (live.Status == "failed" && PlatformReasons.OfBuild(live.StatusDetails?.Reason) is var why)
        {
            if (!why.IsFinal)
            {
                // The platform does not register it anew by itself; the next try makes it again.
                _ = await wire.DeleteBuildAsync(resource.Id, ct);
            }

            return Faults.Of(why.IsFinal ? FaultKind.Refused : FaultKind.Transient, why.Word, $"{resource.Id}: {why.Message}");
        }

        return await RunAsync(body, ct);
    }

    /// <summary>The digest of what a build's own run pushed; null while there is none. A run of somebody else's says nothing of what we asked for.</summary>
    public async Task<string?> DigestAsync(BuildSettings build, CancellationToken ct) =>
        (await wire.RunsAsync(build.Name, ct)).FirstOrDefault(r => IsOf(build, r) && r is { Status: "succeeded", StatusDetails.OutputDigest: not null })?.StatusDetails!.OutputDigest;

    /// <summary>Runs first: without the build nobody would know whose they are.</summary>
    public async Task<Outcome> RemoveAsync(RuntimeIdentity id, string name, CancellationToken ct)
    {
        var live = await wire.BuildAsync(name, ct);
        if (live is not null && !CodeEngineNames.IsOurs(id, live.Marks))
        {
            return Faults.NotOurs("build", name);
        }

        foreach (var run in (await wire.RunsAsync(name, ct)).Where(r => r.BuildName == name && (live is not null || CodeEngineNames.IsOurs(id, r.Marks))))
        {
            _ = await wire.DeleteRunAsync(run.Name, ct);
        }

        return live is not null && await wire.DeleteBuildAsync(name, ct) is Written.Conflict
            ? Faults.Of(FaultKind.Transient, "ChangedMeanwhile", $"The build {name} could not be deleted just now.")
            : Done;
    }

    private async Task<Outcome> RunAsync(BuildBody body, CancellationToken ct)
    {
        var runs = await wire.RunsAsync(body.Build.Name, ct);
        for (var attempt = 1; attempt <= MostAttempts; attempt++)
        {
            var name = CodeEngineNames.Run(body.Build.Name, body.Restart, attempt);
            if (runs.FirstOrDefault(r => r.Name == name) is not { } run)
            {
                return await StartAsync(body, name, ct);
            }

            if (!IsOf(body.Build, run))
            {
                return Faults.NotOurs("build run", name);
            }

            if (run.Status != "failed")
            {
                return run.Status == "succeeded" ? Done : new Outcome.InProgress($"The build {name} is {run.Status}.");
            }

            var why = PlatformReasons.OfBuild(run.StatusDetails?.Reason);
            if (why.IsFinal || attempt == MostAttempts)
            {
                return Faults.Of(FaultKind.Refused, why.Word, $"{name}: {why.Message} Restart the runtime to build again.");
            }
        }

        return Done;
    }

    /// <summary>By the build's name and its marks: anybody may start a run under any name.</summary>
    private static bool IsOf(BuildSettings build, BuildRun run) => run.BuildName == build.Name && run.Marks == build.Marks;

    private async Task<Outcome> StartAsync(BuildBody body, string name, CancellationToken ct)
    {
        var run = new BuildRun { Name = name, BuildName = body.Build.Name, ServiceAccount = "none", RunBuildParams = body.Build.RunBuildParams };
        return await wire.CreateRunAsync(run, ct) is Written.Conflict
            ? Faults.Of(FaultKind.Transient, "BuildNotReady", $"The build {body.Build.Name} can't be run just now; it is looked at again.")
            : new Outcome.InProgress($"The build {name} was started.");
    }
}
