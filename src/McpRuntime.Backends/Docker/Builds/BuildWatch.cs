using System.Globalization;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>What the engine's builder has no limit for, of the container of the step that runs: its processes are limited from outside, its disk is measured.</summary>
internal sealed class BuildWatch(DockerWire wire, BuildLimits limits, string marker, TimeProvider time)
{
    private static readonly TimeSpan Glance = TimeSpan.FromSeconds(1);

    /// <summary>Bytes written by each step so far.</summary>
    private readonly Dictionary<string, long> _written = new(StringComparer.Ordinal);

    private TaskCompletionSource _looked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? _container;

    /// <summary>Why the build was stopped; null while it keeps its limits.</summary>
    public Fault? Violation { get; private set; }

    /// <summary>The engine says that a step runs in it. A step may print the same of another container: it is held against the marker.</summary>
    public void Look(string container)
    {
        _container = container;
        _ = _looked.TrySetResult();
    }

    /// <param name="build">Cancelled when a limit is passed.</param>
    public async Task RunAsync(CancellationTokenSource build)
    {
        var ct = build.Token;
        string? ours = null;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                if (_container is { } container)
                {
                    ours = container == ours || await AdoptAsync(container, ct) ? container : ours;
                    Violation = ours is null ? null : await JudgeAsync(ours, ct);
                }

                if (Violation is not null)
                {
                    await build.CancelAsync();
                    return;
                }

            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (BackendFault)
            {
                // The engine is slow, or the step just ended: the next glance tells.
            }

            _ = await Task.WhenAny(Task.Delay(Glance, time, ct), _looked.Task);
            _looked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public static Fault TooManyProcesses(string more) =>
        new(FaultKind.Refused, "BuildTooManyProcesses", $"A step of the build ran as many processes as it may have (RUNTIME_BUILD_MAX_PIDS), and the build was stopped.{more}");

    private async Task<bool> AdoptAsync(string container, CancellationToken ct)
    {
        if (await wire.InspectContainerAsync(container, ct) is not { } live || live.HostConfig.ExtraHosts?.Any(h => h.StartsWith(marker + ":", StringComparison.Ordinal)) != true)
        {
            return false;
        }

        return await wire.UpdateContainerAsync(container, new ContainerUpdate(null, null, null, limits.Pids), ct);
    }

    private async Task<Fault?> JudgeAsync(string container, CancellationToken ct)
    {
        if (await wire.CountProcessesAsync(container, ct) >= limits.Pids)
        {
            return TooManyProcesses("");
        }

        if (await wire.MeasureContainerAsync(container, ct) is { SizeRw: { } written })
        {
            _written[container] = written;
        }

        return _written.Values.Sum() > limits.Disk
            ? new Fault(FaultKind.Refused, "BuildTooLarge", string.Create(CultureInfo.InvariantCulture, $"The build wrote more than {limits.Disk >> 20} MB (RUNTIME_BUILD_DISK), and was stopped."))
            : null;
    }
}
