namespace McpRuntime.Core.Records;

/// <summary>What a subject may do. viewer &lt; caller &lt; operator &lt; admin, each containing the ones before; approver apart (it reads too).</summary>
[Flags]
public enum Roles
{
    None = 0,
    Viewer = 1,
    Caller = 2,
    Operator = 4,
    Approver = 8,
    Admin = 16,
}

/// <summary>Who asks, through which door.</summary>
/// <param name="Subject">The token's subject: stable, and printed in audits.</param>
/// <param name="Source"><c>rest</c>, <c>crd:…</c>, <c>git:…</c>, <c>system</c>.</param>
/// <param name="Address">The remote address, for audits; null where there is none.</param>
public sealed record Caller(string Subject, Roles Roles, IReadOnlyList<string> Teams, string Source, string? Address = null)
{
    /// <summary>Set: this token opens the one runtime's gateway address and nothing else.</summary>
    public string? RuntimeId { get; init; }

    /// <summary>
    /// Whether the subject is somebody who answers for the request. A custom resource or a commit names nobody by itself: its source
    /// sets this where it has verified who it was. A request of nobody's needs two approvers.
    /// </summary>
    public bool IsPerson { get; init; } = Source == "rest";

    /// <summary>It may make and change guardrails profiles of its own, though it is no admin: a source whose policy says so.</summary>
    public bool DefinesProfiles { get; init; }

    public bool IsAdmin => (Roles & Roles.Admin) != Roles.None;

    public bool Has(Roles role) => role switch
    {
        Roles.None => true,
        Roles.Viewer => Roles != Roles.None,
        Roles.Caller => (Roles & (Roles.Caller | Roles.Operator | Roles.Admin)) != Roles.None,
        Roles.Operator => (Roles & (Roles.Operator | Roles.Admin)) != Roles.None,
        Roles.Approver => (Roles & (Roles.Approver | Roles.Admin)) != Roles.None,
        Roles.Admin => IsAdmin,
    };
}
