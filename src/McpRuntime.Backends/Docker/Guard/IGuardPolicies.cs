using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Guard;

/// <summary>What may leave closed networks. The guard keeps it and goes on while we are away; a network without a policy has no way out.</summary>
internal interface IGuardPolicies
{
    /// <summary>What the guard holds now, read from it. Empty when there is no guard.</summary>
    Task<IReadOnlyList<GuardPolicy>> PoliciesAsync(CancellationToken ct);

    /// <summary>Idempotent; replaces what this network had, and cuts what it no longer allows.</summary>
    /// <param name="network">The network's name; it must be linked.</param>
    Task<Outcome> PutPolicyAsync(string network, IReadOnlyList<string> allowedHosts, bool strict, string record, CancellationToken ct);

    /// <summary>Absent is fine.</summary>
    Task<Outcome> RemovePolicyAsync(string network, CancellationToken ct);
}
