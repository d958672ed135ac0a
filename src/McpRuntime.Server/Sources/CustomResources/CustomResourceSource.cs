using System.Collections.Concurrent;
using McpRuntime.Backends;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Sources.CustomResources;

/// <summary>
/// The objects of a cluster → the records of one owner, and back into their status. Everything is looked at again and again; an object
/// ends by its deletionTimestamp alone and never by being absent, so that a vanished definition or a narrowed right takes nothing down.
/// </summary>
internal sealed partial class CustomResourceSource(RuntimeObjects runtimes, ProfileObjects profiles, ObjectSurroundings around, CustomResourceSettings settings, ILogger<CustomResourceSource> logger)
{
    /// <summary>At a time: most of a look at many new objects is waiting for the cluster.</summary>
    private const int Together = 8;

    private readonly ConcurrentDictionary<string, string> _troubles = new(StringComparer.Ordinal);
    private readonly Dictionary<(KubeKind Kind, string? Space), Task> _following = [];
    private LeaseEpoch? _epoch;

    /// <summary>One look at everything; under the lease.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        if (around.Lease.Current is not { } epoch)
        {
            return;
        }

        if (epoch != _epoch)
        {
            // Another may have written meanwhile.
            runtimes.Forget();
            profiles.Forget();
            _epoch = epoch;
        }

        await FollowAsync(ct);
        foreach (var profile in around.Mirror.Of(KubeKind.GuardrailProfile))
        {
            await OneAsync(profile, () => profiles.StepAsync(profile, ct));
        }

        var records = await around.Records.ListAsync(settings.Owner, ct);
        await Parallel.ForEachAsync(around.Mirror.Of(KubeKind.McpRuntime), new ParallelOptions { MaxDegreeOfParallelism = Together, CancellationToken = ct }, async (runtime, stop) =>
        {
            if (around.Lease.Current == epoch)
            {
                await OneAsync(runtime, () => runtimes.StepAsync(runtime, records.GetValueOrDefault($"{runtime.Name}.{runtime.Namespace}"), epoch, stop));
            }
        });
    }

    /// <summary>Until the process ends: who may come to lead again has to know anyway. One that fell is told of and begun anew.</summary>
    private async Task FollowAsync(CancellationToken ct)
    {
        foreach (var what in Followed())
        {
            if (_following.Remove(what, out var running) && running.IsFaulted)
            {
                await running;
            }

            _following[what] = running ?? around.Mirror.FollowAsync(what.Kind, what.Space, ct);
        }
    }

    /// <summary>Profiles are the whole cluster's, and so need the right to it.</summary>
    private IEnumerable<(KubeKind Kind, string? Space)> Followed() => settings.Namespaces.Count == 0
        ? [(KubeKind.GuardrailProfile, null), (KubeKind.McpRuntime, null)]
        : settings.Namespaces.Select(space => (KubeKind.McpRuntime, (string?)space));

    /// <summary>One object's trouble is its own; a cluster that is away is everybody's, and ends the look.</summary>
    private async Task OneAsync(KubeObject item, Func<Task> step)
    {
        try
        {
            await step();
            _troubles.TryRemove(item.Uid, out _);
        }
        catch (BackendFault fault) when (IsItsOwn(fault.Fault))
        {
            // Changed meanwhile: the news is on its way, and the next look has it.
            if (fault.Fault.Reason != KubernetesWire.Faults.Changed && (!_troubles.TryGetValue(item.Uid, out var told) || told != fault.Fault.Message))
            {
                _troubles[item.Uid] = fault.Fault.Message;
                Log.Trouble(logger, item.Namespace, item.Name, fault.Fault.Message);
            }
        }
    }

    /// <summary>A server that answers, even with an error, has others to answer for: a webhook may fail for one object alone.</summary>
    internal static bool IsItsOwn(Fault fault) =>
        fault.Kind is FaultKind.Refused or FaultKind.Unauthorized || fault.Reason is KubernetesWire.Faults.Changed or KubernetesWire.Faults.Failed or "NamespaceNotFound" or "NamespaceTerminating";

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Custom resource {Namespace}/{Name}: {Why}")]
        public static partial void Trouble(ILogger logger, string? @namespace, string name, string why);
    }
}

/// <summary>What the source looks at.</summary>
internal sealed record ObjectSurroundings(ClusterMirror Mirror, OwnedRecords Records, ILease Lease);
