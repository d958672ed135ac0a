using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Guard;

/// <summary>
/// Keeps the guard: made with the first link, repaired by any, removed with the last. Whatever is wrong with it closes; a guard that
/// is not the one asked for, or does not answer, counts as not running, so that the links that need it are put again.
/// </summary>
internal sealed class GuardKeeper(DockerWire wire, SubnetPool pool, DockerInstallation installation, GuardOptions options, TimeProvider time)
    : IGuard, IGuardPolicies, IEgressLedger, IDisposable
{
    /// <summary>A start takes some 300 ms; a turn waits no longer than this, the next one looks again.</summary>
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(3);

    /// <summary>One that has run for so long answers at once or not at all.</summary>
    private static readonly TimeSpan StartsWithin = TimeSpan.FromSeconds(20);

    /// <summary>Spares a question a turn while many runtimes are looked at.</summary>
    private static readonly TimeSpan AnswerFresh = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);
    private static readonly Outcome Done = new Outcome.Done();

    private readonly GuardContainer _container = new(wire, pool, installation, options, time);
    private readonly GuardClient _client = new(options, time);

    // One change at a time: the last unlink must not remove the guard under a first link.
    private readonly SemaphoreSlim _changing = new(1);
    private volatile Answered? _answered;

    public void Dispose()
    {
        _changing.Dispose();
        _client.Dispose();
    }

    public async Task<GuardState> StateAsync(CancellationToken ct)
    {
        if (await _container.FindAsync(ct) is not { } guard)
        {
            return GuardState.Absent;
        }

        var policies = guard.IsAsAsked ? await HeldLatelyAsync(guard, ct) : null;
        return new GuardState(guard.Live.Id, policies is not null, policies is null ? null : guard.Relay, guard.Links) { Named = guard.Named, Policies = policies ?? [] };
    }

    public Task<Outcome> LinkAsync(string network, CancellationToken ct) => ChangeAsync(async () =>
    {
        if (await wire.InspectNetworkAsync(network, ct) is not { } found)
        {
            return Faults.Of(FaultKind.Transient, "NetworkMissing", $"The network {network} is not there yet.");
        }

        if (!GuardShape.IsOfInstance(await installation.InstanceId(ct), found.Labels) || !found.Internal)
        {
            return Faults.Of(FaultKind.Refused, "NotOurs", $"The network {network} is not a closed network of this installation: the guard stays out of it.");
        }

        var (guard, fault) = await _container.EnsureAsync(ct);
        if (guard is null)
        {
            return fault!;
        }

        if (!await AnswersAsync(guard, ct))
        {
            return await StopIfWedgedAsync(guard, ct)
                ?? new Outcome.InProgress($"The guard is starting; if that goes on, its words are in the log of the container {guard.Live.PlainName}.");
        }

        return guard.Named.Contains(network) ? Done : await ConnectAsync(guard, found, ct);
    }, ct);

    public Task<Outcome> UnlinkAsync(string network, CancellationToken ct) => ChangeAsync(async () =>
    {
        if (await _container.FindAsync(ct) is not { } guard)
        {
            return Done;
        }

        if (guard.Links.All(l => l == network))
        {
            return await _container.RemoveAsync(guard, ct);
        }

        if (!guard.Links.Contains(network))
        {
            return Done;
        }

        // The policy first: were it the other way round, a subnet could be given out again with a policy still on it.
        if (guard.Live.State.Running && guard.Control is { } control)
        {
            await _client.RemovePolicyAsync(control, network, ct);
        }

        await _container.DisconnectAsync(guard, network, ct);
        return Done;
    }, ct);

    public async Task<IReadOnlyList<GuardPolicy>> PoliciesAsync(CancellationToken ct) =>
        await ControlAsync(ct) is { } control ? await _client.PoliciesAsync(control, ct) : [];

    public Task<Outcome> PutPolicyAsync(string network, IReadOnlyList<string> allowedHosts, bool strict, string record, CancellationToken ct) => ChangeAsync(async () =>
    {
        if (await wire.InspectNetworkAsync(network, ct) is not { } found || GuardShape.Subnets(found) is not [var subnet, ..])
        {
            return Faults.Of(FaultKind.Transient, "NetworkMissing", $"The network {network} is not there yet.");
        }

        if (await _container.FindAsync(ct) is not { Live.State.Running: true, Control: { } control } guard || !guard.Links.Contains(network))
        {
            return Faults.Of(FaultKind.Transient, "GuardMissing", $"The guard does not run, or is not linked to {network}.");
        }

        await _client.PutPolicyAsync(control, new GuardPolicy(network, subnet, allowedHosts, strict, record), ct);
        return Done;
    }, ct);

    public Task<Outcome> RemovePolicyAsync(string network, CancellationToken ct) => ChangeAsync(async () =>
    {
        if (await ControlAsync(ct) is { } control)
        {
            await _client.RemovePolicyAsync(control, network, ct);
        }

        return Done;
    }, ct);

    public async Task<GuardRefusalPage?> RefusalsAsync(long after, CancellationToken ct) =>
        await ControlAsync(ct) is { } control ? await _client.RefusalsAsync(control, after, ct) : null;

    public async Task<GuardTrafficList?> TrafficAsync(CancellationToken ct) =>
        await ControlAsync(ct) is { } control ? await _client.TrafficAsync(control, ct) : null;

    private async Task<Outcome> ConnectAsync(SeenGuard guard, NetworkInspect network, CancellationToken ct)
    {
        // Its subnet may have been another network's before: what that one was allowed, this one is not.
        var subnets = GuardShape.Subnets(network);
        foreach (var stale in (await _client.PoliciesAsync(guard.Control!, ct)).Where(p => p.Id == network.Name || subnets.Contains(p.Network)))
        {
            await _client.RemovePolicyAsync(guard.Control!, stale.Id, ct);
        }

        return await _container.ConnectAsync(guard, network.Name, ct)
            ? Done
            : Faults.Of(FaultKind.Transient, "NetworkMissing", $"The network {network.Name} went away while the guard was being connected to it.");
    }

    private async Task<Outcome> ChangeAsync(Func<Task<Outcome>> change, CancellationToken ct)
    {
        await _changing.WaitAsync(ct);
        try
        {
            return await change();
        }
        catch (BackendFault e)
        {
            return new Outcome.Faulted(e.Fault);
        }
        finally
        {
            // Whatever was changed, the next look must see it.
            _answered = null;
            _changing.Release();
        }
    }

    /// <summary>Waits only for one that was just started.</summary>
    private async Task<bool> AnswersAsync(SeenGuard guard, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        while (guard.Control is { } control)
        {
            if (await _client.HealthAsync(control, ct) is not null)
            {
                return true;
            }

            if (!IsStarting(guard) || time.GetElapsedTime(began) > StartPatience)
            {
                return false;
            }

            await Task.Delay(Poll, time, ct);
        }

        return false;
    }

    /// <summary>Null: it may still come, or it is the way there that is broken (from afar that can't be told apart).</summary>
    private async Task<Outcome?> StopIfWedgedAsync(SeenGuard guard, CancellationToken ct)
    {
        if (options.PublishOn is not null || IsStarting(guard))
        {
            return null;
        }

        await _container.StopAsync(guard, ct);
        return Faults.Of(FaultKind.Transient, "GuardWedged", "The guard ran and did not answer; it is started again.");
    }

    private bool IsStarting(SeenGuard guard) => guard.Live.State.StartedAt is not { } started || time.GetUtcNow() - started < StartsWithin;

    /// <summary>The policies in force; null: it does not answer.</summary>
    private async Task<IReadOnlyList<GuardPolicy>?> HeldLatelyAsync(SeenGuard guard, CancellationToken ct)
    {
        if (_answered is { } last && last.Id == guard.Live.Id && time.GetElapsedTime(last.At) < AnswerFresh)
        {
            return last.Policies;
        }

        if (guard.Control is not { } control)
        {
            return null;
        }

        try
        {
            var policies = await _client.PoliciesAsync(control, ct);
            _answered = new Answered(guard.Live.Id, time.GetTimestamp(), policies);
            return policies;
        }
        catch (BackendFault)
        {
            // Whatever is wrong, it closes: seen as not running, and put again.
            return null;
        }
    }

    private async Task<string?> ControlAsync(CancellationToken ct) =>
        await _container.FindAsync(ct) is { Live.State: { Running: true, Paused: false } } guard ? guard.Control : null;

    private sealed record Answered(string Id, long At, IReadOnlyList<GuardPolicy> Policies);
}
