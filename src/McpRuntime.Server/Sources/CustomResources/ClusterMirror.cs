using System.Collections.Concurrent;
using McpRuntime.Backends;
using McpRuntime.Backends.Kubernetes.Wire;

namespace McpRuntime.Server.Sources.CustomResources;

/// <summary>
/// The objects of both kinds as the cluster last told of them. It may lack some, and late: nobody concludes anything from what is not in it.
/// </summary>
internal sealed partial class ClusterMirror(KubernetesWire wire, TimeProvider time, Random random, ILogger<ClusterMirror> logger)
{
    private readonly ConcurrentDictionary<ObjectKey, KubeObject> _objects = new();

    /// <summary>What is known now, in a steady order.</summary>
    public IReadOnlyList<KubeObject> Of(KubeKind kind) =>
        [.. _objects.Where(pair => pair.Key.Kind == kind).OrderBy(pair => pair.Key.Namespace, StringComparer.Ordinal).ThenBy(pair => pair.Key.Name, StringComparer.Ordinal).Select(pair => pair.Value)];

    /// <summary>Follows one kind until cancelled, through every fault.</summary>
    /// <param name="space">Null: all namespaces.</param>
    public async Task FollowAsync(KubeKind kind, string? space, CancellationToken ct)
    {
        string? told = null;
        var follower = new KubeFollower(wire, kind, space, selector: null, time, random, fault =>
        {
            // Told once for each trouble: a cluster that is away would fill the log.
            if (told != fault.Fault.Reason)
            {
                Log.Away(logger, kind.Plural, fault.Fault.Message);
            }

            told = fault.Fault.Reason;
        });
        await foreach (var seen in follower.ReadAsync(ct))
        {
            if (told is not null)
            {
                Log.Back(logger, kind.Plural);
                told = null;
            }

            Take(kind, space, seen);
        }
    }

    /// <summary>
    /// The reply to a write of ours, so that the next look does not write it again. Where the watch told of another version meanwhile,
    /// that one stays: it may be the newer, of a deletion say, and the reply comes by the watch too.
    /// </summary>
    /// <param name="based">The version that the write was based on.</param>
    public void Written(KubeKind kind, KubeObject written, string based)
    {
        var key = ObjectKey.Of(kind, written);
        if (_objects.TryGetValue(key, out var known) && known.Uid == written.Uid && known.ResourceVersion == based)
        {
            _objects.TryUpdate(key, written, known);
        }
    }

    /// <summary>Not a newer one under the same name.</summary>
    public void Gone(KubeKind kind, KubeObject gone)
    {
        var key = ObjectKey.Of(kind, gone);
        if (_objects.TryGetValue(key, out var known) && known.Uid == gone.Uid)
        {
            _objects.TryRemove(KeyValuePair.Create(key, known));
        }
    }

    /// <summary>News of the watch.</summary>
    public void Take(KubeKind kind, string? space, Followed seen)
    {
        if (seen.List is { } list)
        {
            var there = list.Select(item => ObjectKey.Of(kind, item)).ToHashSet();
            foreach (var gone in _objects.Keys.Where(key => key.Kind == kind && (space is null || key.Namespace == space) && !there.Contains(key)))
            {
                _objects.TryRemove(gone, out _);
            }

            foreach (var item in list)
            {
                _objects[ObjectKey.Of(kind, item)] = item;
            }
        }

        if (seen.Event is { } change)
        {
            switch (change.Change)
            {
                case KubeChange.Added or KubeChange.Modified:
                    _objects[ObjectKey.Of(kind, change.Object)] = change.Object;
                    break;
                case KubeChange.Deleted:
                    Gone(kind, change.Object);
                    break;
                case KubeChange.Bookmark:
                    break;
            }
        }
    }

    private sealed record ObjectKey(KubeKind Kind, string? Namespace, string Name)
    {
        public static ObjectKey Of(KubeKind kind, KubeObject item) => new(kind, item.Namespace, item.Name);
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Custom resources: {Kind} can't be followed; what is deployed stays as it is: {Why}")]
        public static partial void Away(ILogger logger, string kind, string why);

        [LoggerMessage(Level = LogLevel.Information, Message = "Custom resources: {Kind} are followed again")]
        public static partial void Back(ILogger logger, string kind);
    }
}
