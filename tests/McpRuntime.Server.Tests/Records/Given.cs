using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Tests.Records;

/// <summary>Callers, requests and reports that the tests begin with.</summary>
internal static class Given
{
    public static readonly Caller Ann = new("ann", Roles.Operator, ["blue"], "rest", "192.0.2.1");

    public static readonly Caller Bob = new("bob", Roles.Operator, ["red"], "rest");

    public static readonly Caller Admin = new("root", Roles.Admin, [], "rest");

    public static readonly Caller Viewer = new("eve", Roles.Viewer, [], "rest");

    public static DeployRequest Request(string? name, string image = "docker.io/library/server:1") => new()
    {
        Name = name,
        Source = new SourceRequest { Type = "docker", Image = image },
    };

    public static PutRuntime Create(string name, string image = "docker.io/library/server:1", string? key = null) =>
        new(Request(name, image), "rest", MustCreate: true, IdempotencyKey: key);

    public static PutRuntime Create(DeployRequest request) => new(request, "rest", MustCreate: true);

    public static PutRuntime Update(string idOrName, DeployRequest request, long? ifGeneration = null) =>
        new(request, "rest", MustCreate: false, MustExist: true, IdOrName: idOrName, IfGeneration: ifGeneration);

    public static DeployRequest With(this DeployRequest request, string variable, string value) => request with
    {
        Environment = new Dictionary<string, SecretText>(StringComparer.Ordinal) { [variable] = new(value) },
    };

    /// <summary>A turn that has seen everything of this record and has nothing else to say.</summary>
    public static Report Seen(RuntimeRecord record, RuntimeStatus status = RuntimeStatus.Deploying, params NewEvent[] events) => new()
    {
        RecordId = record.Id,
        BasedOn = record.StatusRevision,
        ObservedGeneration = record.AskedGeneration,
        ObservedCommand = record.CommandSequence,
        Status = status,
        Conditions = record.Conditions,
        Memory = record.Memory,
        Events = events,
    };

    public static ResolvedFacts Facts(string pin = "docker.io/library/server@sha256:00") => new(pin, true, null, null);

    public static async Task<RuntimeRecord> RecordAsync(this RecordsHouse house, string id) =>
        await house.Store.FindAsync(id, CancellationToken.None) ?? throw new InvalidOperationException($"No record {id}.");

    public static async Task<Refusal> RefusedAsync(this Task action)
    {
        try
        {
            await action;
        }
        catch (Refusal refusal)
        {
            return refusal;
        }

        throw new AssertionException("A refusal was expected, and it was accepted.");
    }
}
