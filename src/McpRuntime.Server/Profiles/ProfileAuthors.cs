using McpRuntime.Core.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Profiles;

/// <summary>Who answers for what a profile has become: everybody who wrote one of the versions that a runtime has not had yet, with the least that any of them may.</summary>
/// <param name="Last">The last one's name; whoever wrote the others can't approve it either.</param>
/// <param name="Others">Never the last one.</param>
internal sealed record ProfileAuthors(string Last, IReadOnlyList<string> Others, bool AreAdmins, bool ArePeople)
{
    /// <param name="since">The version that the runtime is under.</param>
    public static async Task<ProfileAuthors> OfAsync(RecordsDb db, string profile, long since, long until, CancellationToken ct)
    {
        var versions = await db.ProfileVersions.Where(row => row.Name == profile && row.Version > since && row.Version <= until).OrderBy(row => row.Version).ToListAsync(ct);
        var owner = await db.Profiles.Where(row => row.Name == profile).Select(row => row.Owner).FirstOrDefaultAsync(ct);
        var last = versions[^1].CreatedBy;

        // Of versions from before it was kept: REST lets admins alone write one, and a source names nobody by itself.
        return new(
            last,
            [.. versions.Select(row => row.CreatedBy).Where(author => author != last).Distinct(StringComparer.Ordinal)],
            versions.TrueForAll(row => row.CreatedRoles is { } roles ? ((Roles)roles).HasFlag(Roles.Admin) : owner == "rest"),
            versions.TrueForAll(row => row.CreatedByPerson ?? owner == "rest"));
    }

    /// <summary>Through the runtime's own door: what its owner's requests are read as, this one is too.</summary>
    public Caller AsCaller(RuntimeRow row) =>
        new(Last, AreAdmins ? Roles.Admin : Roles.Operator, row.TeamId is { } team ? [team] : [], row.Owner) { IsPerson = ArePeople };
}
