using System.Globalization;
using System.Text.RegularExpressions;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Dockerfiles;
using McpRuntime.Backends.Git;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>What a build is made with.</summary>
internal sealed record BuildParts(DockerWire Wire, IGit Git, BaseImages Bases);

/// <summary>One build from its commit to its tag, and to its registry.</summary>
internal sealed partial class BuildRunner(BuildParts parts, DockerOptions options, RegistryCredentials credentials, BuildLogs logs, TimeProvider time)
{
    private readonly DockerWire _wire = parts.Wire;
    private readonly BuildLimits _limits = options.Builds;

    public async Task RunAsync(RunningBuild build, CancellationToken ct)
    {
        var log = logs.Open(build.Id, build.ResourceId, build.Body.Source.BuildArgs.Values);
        var last = "The build was stopped.";
        using var clock = new CancellationTokenSource(_limits.Timeout, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        try
        {
            var image = await BuildAsync(build, log, limited.Token);
            await PushAsync(build, image, log, limited.Token);

            // Last: what carries the tag is whole, also for one who comes after a crash.
            _ = await _wire.TagImageAsync(image, DockerNames.ImageRepository(build.Id), build.ResourceId, limited.Token);
            last = "The build is done.";
        }
        catch (BackendFault fault)
        {
            // What an engine or a program says may quote what it was given.
            var named = clock.IsCancellationRequested && !ct.IsCancellationRequested ? TooLong() : fault.Fault with { Message = log.Redact(fault.Fault.Message) };
            last = Ended(named);
            throw new BackendFault(named, fault);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            last = Ended(TooLong());
            throw new BackendFault(TooLong(), e);
        }
        finally
        {
            await log.CloseAsync(last);
        }
    }

    /// <summary>Layers and containers that a build left: of one that was ended, or that another stage of it needed.</summary>
    public async Task TidyAsync(RuntimeIdentity id)
    {
        using var clock = new CancellationTokenSource(TimeSpan.FromMinutes(1), time);
        try
        {
            await ClearAsync(id, clock.Token);
        }
        catch (Exception e) when (e is BackendFault or OperationCanceledException)
        {
            // Seen as leftovers by the next look, and removed like anything else.
        }
    }

    public async Task ClearAsync(RuntimeIdentity id, CancellationToken ct)
    {
        string[] marks = [DockerNames.Filter(BuildNames.Instance, id.InstanceId), DockerNames.Filter(BuildNames.Record, id.RecordId)];

        // A container that somebody started from the image inherits its labels; one of a build has no name of ours and does not carry the image's own mark yet.
        foreach (var container in (await _wire.ListContainersAsync(ct, marks)).Where(c => c.Labels is null || (!c.Labels.ContainsKey(DockerNames.Record) && !c.Labels.ContainsKey(BuildNames.Build))))
        {
            _ = await _wire.RemoveContainerAsync(container.Id, ct);
        }

        // Removing the last of a chain brings the one before it to light.
        for (var round = 0; round < 50 && await _wire.ListDanglingAsync(ct, marks) is { Count: > 0 } layers; round++)
        {
            var removed = false;
            foreach (var layer in layers)
            {
                removed |= (await _wire.RemoveImageAsync(layer.Id, ct)).Answer is RemoveAnswer.Removed;
            }

            if (!removed)
            {
                return;
            }
        }
    }

    private static string Ended(Fault fault) => $"The build failed ({fault.Reason}): {fault.Message}";

    /// <returns>The image's id.</returns>
    private async Task<string> BuildAsync(RunningBuild build, BuildLog log, CancellationToken ct)
    {
        var body = build.Body;
        log.Add($"Building {body.Source.Repo} at {body.Commit}, network {body.Network}.\n");
        build.Message = "fetching the commit";
        using var checkout = await parts.Git.CheckOutAsync(body.Source.Repo, body.TeamId, body.Commit, ct);
        var dockerfile = await Dockerfile.ReadAsync(checkout, body.Source, DockerfileBuilder.Classic, ct);
        dockerfile.StandOnlyOn(options.AllowedRegistries);
        var pinned = await BasesAsync(build, dockerfile, log, ct);
        using var context = await BuildContext.OpenAsync(checkout, body.Source.Context, dockerfile.Marked(BuildNames.Marks(build.Id), pinned), ct);
        var request = Request(build);
        using var watched = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var watch = new BuildWatch(_wire, _limits, request.Marker, time);
        var watching = watch.RunAsync(watched);
        try
        {
            return await StepsAsync(build, log, watch, _wire.BuildAsync(request, context, _limits.Timeout, watched.Token), watched.Token);
        }
        catch (Exception) when (watch.Violation is { } violation)
        {
            throw new BackendFault(violation);
        }
        finally
        {
            await watched.CancelAsync();
            await watching;
        }
    }

    private static async Task<string> StepsAsync(RunningBuild build, BuildLog log, BuildWatch watch, IAsyncEnumerable<BuildLine> lines, CancellationToken ct)
    {
        var step = "";
        string? image = null;
        await foreach (var line in lines.WithCancellation(ct))
        {
            if (line.Error is { Length: > 0 } error)
            {
                throw new BackendFault(Failed(log.Redact(step), error, log));
            }

            image = line.Aux?.Id ?? image;

            if (line.Status is { } status && line.Layer is null)
            {
                log.Add(status + "\n");
            }

            if (line.Stream is not { } text)
            {
                continue;
            }

            log.Add(text);
            if (Step().Match(text) is { Success: true } match)
            {
                step = match.Value.Trim();
                build.Message = log.Redact(step.Length <= 200 ? step : step[..200] + "…");
                build.Share = (double)(Number(match, "at") - 1) / Math.Max(1, Number(match, "of"));
                await log.SaveAsync();
            }
            else if (RunningIn().Match(text) is { Success: true } container)
            {
                watch.Look(container.Groups["id"].Value);
            }
        }

        return image ?? throw new BackendFault(new Fault(FaultKind.Transient, "BuildBrokenOff", "The engine ended the build and told of no image."));
    }

    private async Task PushAsync(RunningBuild build, string image, BuildLog log, CancellationToken ct)
    {
        if (build.Body.PushName(build.Id) is not { } name)
        {
            return;
        }

        var tag = build.Body.PushTag;
        build.Message = $"pushing {name}:{tag}";
        build.Share = null;
        log.Add($"Pushing {name}:{tag}\n");
        _ = await _wire.TagImageAsync(image, name, tag, ct);
        var login = await credentials.FindAsync($"{name}:{tag}", build.Body.TeamId, ct);
        var digest = await _wire.PushAsync(name, tag, login, _limits.Timeout, options.PullIdle, _ => { }, ct)
            ?? throw new BackendFault(new Fault(FaultKind.Transient, "PushFailed", $"The registry of {name} told no digest."));
        log.Add($"Pushed as {name}@{digest}\n");
    }

    /// <summary>On the engine and looked at: what the steps stand on is then what was pinned, whatever its tag means by now.</summary>
    private async Task<IReadOnlyDictionary<string, string>> BasesAsync(RunningBuild build, Dockerfile dockerfile, BuildLog log, CancellationToken ct)
    {
        build.Message = "fetching the base images";
        var pinned = build.Body.Bases ?? await parts.Bases.PinAsync(dockerfile, build.Body.TeamId, ct);
        await parts.Bases.FetchAsync(dockerfile, pinned, build.Body.TeamId, ct);
        foreach (var (image, pin) in pinned)
        {
            log.Add($"{image} is {pin}\n");
        }

        return pinned;
    }

    private BuildRequest Request(RunningBuild build) =>
        new(
            BuildContext.DockerfileName,
            build.Body.Network,
            $"build-{Guid.NewGuid():N}",
            _limits.Memory,
            (long)(_limits.Cpus * BuildRequest.CpuPeriod),
            _limits.Disk,
            build.Body.Source.BuildArgs,
            BuildNames.Labels(build.Id, build.Body, build.Fingerprint));

    private Fault TooLong() =>
        new(FaultKind.Refused, "BuildTimeout", $"The build took longer than {_limits.Timeout.TotalSeconds:0} s (RUNTIME_BUILD_TIMEOUT_SECONDS) and was stopped. Restart the runtime to build again.");

    private static Fault Failed(string step, string error, BuildLog log)
    {
        if (log.Holds("Cannot fork", "can't fork", "fork: Resource temporarily unavailable", "fork: retry"))
        {
            return BuildWatch.TooManyProcesses($" Its step \"{step}\" could start no more of them.");
        }

        var at = step.Length == 0 ? "" : $" at \"{(step.Length <= 200 ? step : step[..200] + "…")}\"";
        var isMissing = error.Contains("pull access denied", StringComparison.OrdinalIgnoreCase) || error.Contains("manifest unknown", StringComparison.OrdinalIgnoreCase);
        var isAway = error.Contains("dial tcp", StringComparison.OrdinalIgnoreCase) || error.Contains("no such host", StringComparison.OrdinalIgnoreCase) || error.Contains("TLS handshake timeout", StringComparison.OrdinalIgnoreCase);
        return isAway
            ? new Fault(FaultKind.Transient, "BaseImageUnreachable", $"The build stopped{at}: {error}")
            : new Fault(FaultKind.Refused, isMissing ? "BaseImageNotFound" : "BuildFailed", $"The build failed{at}: {error}. See the log with stream=build; restart the runtime to build again.");
    }

    private static int Number(Match match, string group) => int.TryParse(match.Groups[group].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 1;

    [GeneratedRegex(@"^Step (?<at>\d+)/(?<of>\d+) : [^\n]*", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Step();

    /// <summary>A step may print the same; what it leads to is judged by the build's marker.</summary>
    [GeneratedRegex(@"^ ---> Running in (?<id>[0-9a-f]{12})\s*$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex RunningIn();
}
