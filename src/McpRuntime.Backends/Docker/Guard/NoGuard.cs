using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Guard;

/// <summary>Where no guard is set up: closed runtimes are made and stay unreachable, which the fault says.</summary>
internal sealed class NoGuard : IGuard, IGuardPolicies
{
    private static readonly Outcome Unavailable =
        Faults.Of(FaultKind.Transient, "GuardUnavailable", "The guardrails close this runtime's egress, and no guard is set up to reach it through.");

    public Task<GuardState> StateAsync(CancellationToken ct) => Task.FromResult(GuardState.Absent);

    public Task<Outcome> LinkAsync(string network, CancellationToken ct) => Task.FromResult(Unavailable);

    public Task<Outcome> UnlinkAsync(string network, CancellationToken ct) => Task.FromResult<Outcome>(new Outcome.Done());

    public Task<IReadOnlyList<GuardPolicy>> PoliciesAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<GuardPolicy>>([]);

    public Task<Outcome> PutPolicyAsync(string network, IReadOnlyList<string> allowedHosts, bool strict, string record, CancellationToken ct) => Task.FromResult(Unavailable);

    public Task<Outcome> RemovePolicyAsync(string network, CancellationToken ct) => Task.FromResult<Outcome>(new Outcome.Done());
}
