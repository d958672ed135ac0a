using System.Runtime.CompilerServices;
using System.Threading.Channels;
using McpRuntime.Backends.Kubernetes.Wire;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>Record ids that something happened to: a watch of each kind we make, and of the Pods. Only "look again".</summary>
internal sealed partial class KubernetesHints(KubernetesWire wire, KubernetesInstallation installation, KubernetesOptions options, KubernetesClock clock, ILogger<KubernetesHints> logger)
{
    private static readonly KubeKind[] Watched = [KubeKind.Deployment, KubeKind.Pod, KubeKind.Service, KubeKind.NetworkPolicy, KubeKind.Secret, KubeKind.ServiceAccount];

    public async IAsyncEnumerable<string> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        var hints = Channel.CreateBounded<string>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropOldest });
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var listening = Task.WhenAll(Watched.Select(kind => ListenAsync(kind, hints.Writer, stop.Token)));
        try
        {
            await foreach (var record in hints.Reader.ReadAllAsync(ct))
            {
                yield return record;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await listening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ListenAsync(KubeKind kind, ChannelWriter<string> hints, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var selector = KubernetesNames.Selector(await installation.InstanceId(ct));
                var follower = new KubeFollower(wire, kind, options.Namespace, selector, clock.Time, clock.Random, fault => Log.Lost(logger, kind.Plural, fault.Fault.Message));
                await foreach (var said in follower.ReadAsync(ct))
                {
                    foreach (var record in (said.List ?? [said.Event!.Object]).Select(o => o.Label(KubernetesNames.Record)).OfType<string>().Distinct(StringComparer.Ordinal))
                    {
                        await hints.WriteAsync(record, ct);
                    }
                }
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                // Whatever it is (the database that knows our id): this loop must go on, and the resync covers meanwhile.
                Log.Lost(logger, kind.Plural, e.Message);
                await Task.Delay(TimeSpan.FromSeconds(5), clock.Time, ct);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "The watch of the cluster's {Kind} is lost for now; it is begun anew, and until then the resync alone looks at runtimes. {Message}")]
        public static partial void Lost(ILogger logger, string kind, string message);
    }
}

/// <summary>Time and chance of what waits.</summary>
internal sealed record KubernetesClock(TimeProvider Time, Random Random);
