using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>
/// Which cluster answers. The uid of its kube-system namespace is pinned at first contact; another cluster behind the same address would
/// look like an empty world, and everything would be made again there.
/// </summary>
internal sealed class ClusterIdentity(KubernetesWire wire, KubernetesInstallation installation, TimeProvider time) : IDisposable
{
    private const string Home = "kube-system";

    /// <summary>Another server costs us our connections; this only bounds what a load balancer could hide.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _one = new(1);
    private volatile Verified? _last;

    public void Dispose() => _one.Dispose();

    /// <exception cref="BackendFault">The cluster is away, or another one answers.</exception>
    public async Task<string> VerifyAsync(CancellationToken ct)
    {
        if (Current() is { } known)
        {
            return known.Uid;
        }

        await _one.WaitAsync(ct);
        try
        {
            if (Current() is { } meanwhile)
            {
                return meanwhile.Uid;
            }

            var uid = (await wire.GetAsync(KubeKind.Namespace, space: null, Home, ct))?.Uid
                ?? throw new BackendFault(new Fault(FaultKind.Transient, "NoIdentity", $"The cluster at {wire.Server.Authority} has no namespace {Home}, whose uid tells it from others."));
            var pinned = await installation.PinIdentity(uid, ct);
            if (pinned != uid)
            {
                _last = null;
                throw new BackendFault(new Fault(
                    FaultKind.Transient,
                    "ClusterChanged",
                    $"Another cluster ({uid}) answers at {wire.Server.Authority} than the one this installation works with ({pinned}). Nothing is touched; point it back, or use a new database."));
            }

            _last = new Verified(uid, wire.Connections, time.GetTimestamp());
            return uid;
        }
        finally
        {
            _ = _one.Release();
        }
    }

    private Verified? Current() => _last is { } last && last.Connections == wire.Connections && time.GetElapsedTime(last.At) < Fresh ? last : null;

    private sealed record Verified(string Uid, long Connections, long At);
}
