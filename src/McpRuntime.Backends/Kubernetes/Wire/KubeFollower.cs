using System.Runtime.CompilerServices;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes.Wire;

/// <summary>
/// All objects of a kind, and from then on each change, for ever: the list is read anew after anything that may have hidden a change
/// (an expired version, a dead connection), so that a fault costs latency and never an object.
/// </summary>
/// <param name="space">Null: all namespaces.</param>
/// <param name="onFault">Told of every fault; retried inside.</param>
public sealed class KubeFollower(KubernetesWire wire, KubeKind kind, string? space, string? selector, TimeProvider time, Random random, Action<BackendFault> onFault)
{
    private static readonly TimeSpan SlowestRetry = TimeSpan.FromSeconds(15);

    public async IAsyncEnumerable<Followed> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        string? version = null;
        var failures = 0;
        while (true)
        {
            var began = time.GetTimestamp();
            await using var round = RoundAsync(version, ct).GetAsyncEnumerator(ct);
            BackendFault? fault = null;
            while (true)
            {
                try
                {
                    if (!await round.MoveNextAsync())
                    {
                        break;
                    }
                }
                catch (BackendFault e)
                {
                    fault = e;
                    break;
                }

                failures = 0;
                version = round.Current.Version;
                yield return round.Current;
            }

            if (fault is not null)
            {
                onFault(fault);
                version = null;
            }

            // A server that ends every watch at once is asked no faster than one that is away.
            failures = fault is not null || time.GetElapsedTime(began) < TimeSpan.FromSeconds(1) ? failures + 1 : 0;
            if (failures > 0)
            {
                await Task.Delay(Pause(failures, fault?.Fault.RetryAfter), time, ct);
            }
        }
    }

    private async IAsyncEnumerable<Followed> RoundAsync(string? version, [EnumeratorCancellation] CancellationToken ct)
    {
        if (version is null)
        {
            var list = await wire.ListAsync(kind, space, selector, ct);
            version = list.Version;
            yield return new Followed(list.Items, Event: null, version);
        }

        await foreach (var change in wire.WatchAsync(kind, space, selector, version, ct))
        {
            yield return new Followed(List: null, change, change.Object.ResourceVersion);
        }
    }

    private TimeSpan Pause(int failures, TimeSpan? asked)
    {
        var ceiling = Math.Min(SlowestRetry.TotalMilliseconds, 250 * Math.Pow(2, Math.Min(failures - 1, 10)));
        var ours = TimeSpan.FromMilliseconds(ceiling * (0.75 + (0.5 * random.NextDouble())));
        return asked > ours ? asked.Value : ours;
    }
}

/// <summary>Either the whole list (at the beginning, and again after faults), or one event.</summary>
/// <param name="Version">What has been seen so far.</param>
public sealed record Followed(IReadOnlyList<KubeObject>? List, KubeEvent? Event, string Version);
