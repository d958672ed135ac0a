using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Control;

/// <summary>What a turn works towards, and the secrets that are in it.</summary>
/// <param name="Secrets">Knows the values of every generation that the gates let through.</param>
internal sealed record TurnPlan(Wanted Wanted, Redactor Secrets);

/// <summary>Compiles what a record's gates let through. The compilers are pure; only the environment is read, from the database.</summary>
internal sealed class RevisionPlans(IRecordStore records, IReadOnlyDictionary<string, IBackend> backends, IGateway gateway, KeyedHash hash)
{
    private static readonly IReadOnlyDictionary<string, SecretText> Nothing = new Dictionary<string, SecretText>(StringComparer.Ordinal);

    public async Task<TurnPlan> ForAsync(RuntimeRecord record, CancellationToken ct)
    {
        if (!backends.TryGetValue(record.Backend, out var backend))
        {
            return new TurnPlan(Wanted.For(record, _ => null, Providers.Disabled(record.Backend)), new Redactor([]));
        }

        var gates = Gates.Of(record);
        var plans = new Dictionary<long, RevisionPlan>();
        var secrets = new List<SecretText>();
        Fault? obstacle = null;
        foreach (var revision in gates.Revisions)
        {
            if (revision.NotApproved is { } why && gates.Goal is Goal.Run)
            {
                // On its way it has failed for good. What serves is left as it is: it was put when it was still what was approved.
                var fault = new Fault(FaultKind.Refused, "NotWhatWasApproved", $"{why} Nothing of it is put; send the spec again to ask anew.");
                if (gates.Target?.Generation == gates.Serving?.Generation)
                {
                    obstacle = fault;
                }
                else
                {
                    plans[revision.Generation] = new RevisionPlan(revision, Nowhere(fault), [], []);
                }

                continue;
            }

            try
            {
                var environment = revision.Spec.Environment.Count > 0 ? await EnvironmentAsync(record, revision, gates.Goal, ct) : Nothing;
                secrets.AddRange(environment.Values);
                plans[revision.Generation] = Compile(backend, record, revision, environment);
            }
            catch (Refusal refusal)
            {
                obstacle = new Fault(FaultKind.Transient, "EnvironmentUnreadable", refusal.Detail);
            }
        }

        return new TurnPlan(Wanted.For(record, revision => plans.GetValueOrDefault(revision.Generation), obstacle), new Redactor(secrets));
    }

    private static Compiled Nowhere(Fault fault) => new([], [], [], Complete: false, Rollout.Recreate, Endpoint: null, [], []) { Refused = fault };

    /// <summary>A deletion needs no secret. A stop must not wait for one: what stays of a stopped runtime may be named after it, and without it that goes too.</summary>
    private async Task<IReadOnlyDictionary<string, SecretText>> EnvironmentAsync(RuntimeRecord record, Revision revision, Goal goal, CancellationToken ct)
    {
        try
        {
            return goal is Goal.Delete ? Nothing : await records.EnvironmentAsync(record.Id, revision.Generation, ct);
        }
        catch (Refusal) when (goal is Goal.Stop)
        {
            return Nothing;
        }
    }

    private RevisionPlan Compile(IBackend backend, RuntimeRecord record, Revision revision, IReadOnlyDictionary<string, SecretText> environment)
    {
        var input = new CompileInput(Providers.IdentityOf(record), record.Name, revision, record.RestartToken, record.KeepVolumes, environment, hash)
        {
            CreatedBy = record.CreatedBy,
        };
        var compiled = backend.Compile(input);
        return compiled.Endpoint is { } endpoint
            ? new RevisionPlan(revision, compiled, gateway.Compile(input, endpoint, running: true), gateway.Compile(input, endpoint, running: false))
            : new RevisionPlan(revision, compiled, [], []);
    }
}
