using System.Linq.Expressions;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Model;

namespace McpRuntime.Server.Records;

/// <summary>Who may see and change what: the one policy behind every door.</summary>
internal static class Policy
{
    /// <summary>As a query, so that a list is filtered where it is counted. The same rule as <see cref="Sees"/>.</summary>
    public static Expression<Func<RuntimeRow, bool>> VisibleTo(Caller caller)
    {
        if (caller.IsAdmin)
        {
            return row => true;
        }

        var teams = caller.Teams.ToList();
        var subject = caller.Subject;
        return row =>
            row.Visibility == Visibility.Public
            || (row.Visibility == Visibility.Team && row.TeamId != null && teams.Contains(row.TeamId))
            || (row.Visibility == Visibility.Private && row.CreatedBy == subject);
    }

    public static bool Sees(Caller caller, RuntimeRow row) => caller.IsAdmin || row.Visibility switch
    {
        Visibility.Public => true,
        Visibility.Team => row.TeamId is { } team && caller.Teams.Contains(team, StringComparer.Ordinal),
        Visibility.Private => row.CreatedBy == caller.Subject,
    };

    public static void MustOperate(Caller caller)
    {
        if (!caller.Has(Roles.Operator))
        {
            throw new Refusal(RefusalKind.Forbidden, "Not allowed", $"'{caller.Subject}' may read; changing a runtime needs the role operator.");
        }
    }

    /// <summary>A team's runtime is changed by that team, a private one by its creator; admins change any.</summary>
    public static void MustChange(Caller caller, RuntimeRow row) => MustChange(caller, row.Name, row.Visibility, row.TeamId, row.CreatedBy);

    /// <summary>The same, of what is shown: a kept volume is changed by who may change its runtime.</summary>
    public static void MustChange(Caller caller, RuntimeView view) => MustChange(caller, view.Name, view.Spec.Visibility, view.Spec.TeamId, view.CreatedBy);

    private static void MustChange(Caller caller, string name, Visibility visibility, string? teamId, string createdBy)
    {
        var (may, whose) = (visibility, teamId) switch
        {
            (Visibility.Private, _) => (createdBy == caller.Subject, $"is private to '{createdBy}': only they"),
            (_, { } team) => (caller.Teams.Contains(team, StringComparer.Ordinal), $"belongs to the team '{team}': only its operators"),
            _ => (true, ""),
        };
        if (!may && !caller.IsAdmin)
        {
            throw new Refusal(RefusalKind.Forbidden, "Not allowed", $"'{name}' {whose} and admins change it.");
        }
    }

    /// <summary>A name has one owner. Hold alone reaches over.</summary>
    public static void MustBeOwner(string owner, RuntimeRow row)
    {
        if (owner != row.Owner)
        {
            throw new Refusal(
                RefusalKind.Conflict,
                "Owned elsewhere",
                $"'{row.Name}' is owned by {row.Owner}: change it {WhereToChange(row.Owner)}. An operator may hold it from anywhere.");
        }
    }

    public static void MustNotBeGoing(RuntimeRow row)
    {
        if (row.DeletedAt is not null || row.DeleteRequested)
        {
            throw new Refusal(
                RefusalKind.Conflict,
                row.DeletedAt is null ? "Being deleted" : "Deleted",
                row.DeletedAt is null
                    ? $"'{row.Name}' is being deleted. Wait until it is gone, then deploy it again."
                    : $"'{row.Name}' ({row.Id}) is deleted. Deploy it again.");
        }
    }

    public static void MustMatch(long? ifGeneration, RuntimeRow row)
    {
        if (ifGeneration is { } expected && expected != row.AskedGeneration)
        {
            throw new Refusal(
                RefusalKind.PreconditionFailed,
                "Changed meanwhile",
                $"'{row.Name}' is at generation {row.AskedGeneration}, not {expected}. Read it again and decide anew.");
        }
    }

    public static Refusal Invalid(string path, string message) =>
        new(RefusalKind.Invalid, "The request is not valid", $"{path}: {message}", [new(path, message)]);

    public static Refusal NotFound(string idOrName) =>
        new(RefusalKind.NotFound, "Not found", $"There is no runtime '{idOrName}', or it is not yours to see.");

    public static string WhereToChange(string owner) => owner.Split(':', 2) switch
    {
        ["git", var name] => $"in the Git repository '{name}'",
        ["crd", var cluster] => $"through its custom resource in the cluster '{cluster}'",
        ["rest"] => "through the REST API",
        _ => "where it comes from",
    };
}
