using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Profiles;

/// <summary>A custom profile as an admin sends it.</summary>
internal sealed record ProfileContent(string Description, IReadOnlyList<string> RecommendedBackends, GuardrailsConfig Config);

/// <summary>
/// The built-in profiles and the custom ones. What admission asks is in memory; it is read again before each write, and where a
/// replica was late all the same, the roll-out finds the record under its older version and brings it on.
/// </summary>
internal sealed class ProfileStore(Database database, TimeProvider time) : IProfiles
{
    private volatile IReadOnlyList<GuardrailProfile> _custom = [];

    public IReadOnlyList<GuardrailProfile> List() => [.. BuiltInProfiles.All, .. _custom];

    public GuardrailProfile? Find(string name) => BuiltInProfiles.Find(name) ?? _custom.FirstOrDefault(profile => profile.Name == name);

    public async Task RefreshAsync(CancellationToken ct)
    {
        var rows = await database.ReadAsync(
            (db, stop) => (from profile in db.Profiles
                           where profile.DeletedAt == null
                           join version in db.ProfileVersions on new { profile.Name, profile.Version } equals new { version.Name, version.Version }
                           orderby profile.Name
                           select version).ToListAsync(stop),
            ct);
        _custom = [.. rows.OrderBy(row => row.Name, StringComparer.Ordinal).Select(Show)];
    }

    /// <summary>Every version there ever was, newest first; those of a deleted profile too.</summary>
    public async Task<IReadOnlyList<ProfileVersion>> VersionsAsync(string name, CancellationToken ct)
    {
        if (BuiltInProfiles.Find(name) is { } builtIn)
        {
            return [new ProfileVersion(builtIn, "mcpruntime", null)];
        }

        var rows = await database.ReadAsync((db, stop) => db.ProfileVersions.Where(row => row.Name == name).OrderByDescending(row => row.Version).ToListAsync(stop), ct);
        return [.. rows.Select(row => new ProfileVersion(Show(row), row.CreatedBy, Times.From(row.CreatedAt)))];
    }

    /// <summary>The names of an owner's profiles.</summary>
    public Task<List<string>> OwnedByAsync(string owner, CancellationToken ct) =>
        database.ReadAsync((db, stop) => db.Profiles.Where(row => row.Owner == owner && row.DeletedAt == null).OrderBy(row => row.Name).Select(row => row.Name).ToListAsync(stop), ct);

    /// <summary>For a source of whole sets: makes it, or gives it a new version where the content differs.</summary>
    public async Task<GuardrailProfile> PutAsync(Caller caller, string name, ProfileContent content, CancellationToken ct)
    {
        await RefreshAsync(ct);
        return Find(name) is null ? await CreateAsync(caller, name, content, ct) : await ReplaceAsync(caller, name, content, ct);
    }

    /// <exception cref="Refusal">Conflict: the name is taken, or built in. Invalid: every wrong field.</exception>
    public async Task<GuardrailProfile> CreateAsync(Caller caller, string? name, ProfileContent content, CancellationToken ct)
    {
        MustBeCustom(name);
        Check(name, content);
        return await WriteAsync(caller, (db, change, stop) => CreateAsync(db, change, name!, content, stop), ct);
    }

    /// <summary>A new version; the same content again is none.</summary>
    public async Task<GuardrailProfile> ReplaceAsync(Caller caller, string name, ProfileContent content, CancellationToken ct)
    {
        MustBeCustom(name);
        Check(name, content);
        return await WriteAsync(caller, (db, change, stop) => ReplaceAsync(db, change, name, content, stop), ct);
    }

    /// <summary>Within the transaction of the runtimes that come with them. What is in memory follows with the next <see cref="RefreshAsync"/>.</summary>
    /// <returns>As they are stored, with their versions.</returns>
    public static async Task<IReadOnlyList<GuardrailProfile>> PutAllAsync(RecordsDb db, Change change, IReadOnlyList<DeclaredProfile> declared, CancellationToken ct)
    {
        List<GuardrailProfile> stored = [];
        foreach (var profile in declared)
        {
            MustDefine(change.Caller);
            MustBeCustom(profile.Name);
            var content = new ProfileContent(profile.Description, profile.RecommendedBackends, profile.Config);
            Check(profile.Name, content);
            stored.Add(await db.Profiles.AnyAsync(row => row.Name == profile.Name && row.DeletedAt == null, ct)
                ? await ReplaceAsync(db, change, profile.Name, content, ct)
                : await CreateAsync(db, change, profile.Name, content, ct));
        }

        return stored;
    }

    /// <exception cref="Refusal">Conflict: built in, or in use; then it lists the users.</exception>
    public async Task DeleteAsync(Caller caller, string name, CancellationToken ct)
    {
        MustBeCustom(name);
        await WriteAsync(
            caller,
            async (db, change, stop) =>
            {
                var row = await MustFindAsync(db, name, stop);
                MustBeOwner(change.Caller, row);
                if (await UsersAsync(db, name, stop) is { Count: > 0 } users)
                {
                    throw new Refusal(
                        RefusalKind.Conflict,
                        "In use",
                        $"The guardrails profile '{name}' is used by {string.Join(", ", users.Take(20))}{(users.Count > 20 ? $" and {users.Count - 20} more" : "")}. Give them another profile first.",
                        [.. users.Take(100).Select(user => new ValidationError("runtimes", user))]);
                }

                row.DeletedAt = change.AtMs;
                row.Version++;
                change.Audit(db, "profile.delete", name, $"version {row.Version - 1}");
                return true;
            },
            ct);
    }

    /// <summary>
    /// Live runtimes whose asked generation was made from an older version, or whose serving one was while the asked one waits or has
    /// failed; by ix_runtimes_profile and ix_runtimes_serving_profile.
    /// </summary>
    /// <param name="except">Those that were looked at already in this round.</param>
    public Task<List<string>> BehindAsync(GuardrailProfile profile, int limit, List<string> except, CancellationToken ct) =>
        database.ReadAsync(
            (db, stop) => db.Runtimes
                .Where(row => row.DeletedAt == null && !row.DeleteRequested && !except.Contains(row.Id))
                .Where(row => (row.Profile == profile.Name && row.ProfileVersion < profile.Version)
                    || (row.ServingProfile == profile.Name && row.ServingProfileVersion < profile.Version && row.ServingGeneration != row.AskedGeneration
                        && db.Revisions.Any(asked => asked.RuntimeId == row.Id && asked.Generation == row.AskedGeneration && (asked.State == RevisionState.Pending || asked.State == RevisionState.Failed))))
                .Select(row => row.Id)
                .Take(limit)
                .ToListAsync(stop),
            ct);

    /// <summary>Live runtimes that ask for it, or whose serving generation runs under it while a newer one does not.</summary>
    private static async Task<List<string>> UsersAsync(RecordsDb db, string name, CancellationToken ct)
    {
        var asking = await db.Runtimes.Where(row => row.Profile == name && row.DeletedAt == null).Select(row => row.Name).ToListAsync(ct);
        var serving = await (from row in db.Runtimes
                             where row.DeletedAt == null && row.ServingGeneration != null && row.ServingGeneration != row.AskedGeneration
                             join revision in db.Revisions on new { Id = row.Id, Generation = row.ServingGeneration!.Value } equals new { Id = revision.RuntimeId, revision.Generation }
                             select new { row.Name, revision.Guardrails }).ToListAsync(ct);
        return [.. asking.Concat(serving.Where(found => RecordsJson.Read<EffectiveGuardrails>(found.Guardrails).Profile == name).Select(found => found.Name))
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
    }

    private static async Task<GuardrailProfile> CreateAsync(RecordsDb db, Change change, string name, ProfileContent content, CancellationToken ct)
    {
        var row = await db.Profiles.FirstOrDefaultAsync(row => row.Name == name, ct);
        if (row is { DeletedAt: null })
        {
            // Our own write, whose reply was lost, is found by its author, time and content.
            return await LatestAsync(db, row, ct) is { } there && there.CreatedAt == change.AtMs && there.CreatedBy == change.Caller.Subject && Same(there, content)
                ? Show(there)
                : throw new Refusal(RefusalKind.Conflict, "Name taken", $"There is a guardrails profile '{name}' already. PUT to it to change it.");
        }

        if (row is null)
        {
            row = new ProfileRow { Name = name, Owner = change.Caller.Source };
            db.Profiles.Add(row);
        }

        (row.DeletedAt, row.Owner) = (null, change.Caller.Source);
        return Add(db, change, row, content, "profile.create");
    }

    private static async Task<GuardrailProfile> ReplaceAsync(RecordsDb db, Change change, string name, ProfileContent content, CancellationToken ct)
    {
        var row = await MustFindAsync(db, name, ct);
        MustBeOwner(change.Caller, row);
        var latest = await LatestAsync(db, row, ct);
        return latest is not null && Same(latest, content) ? Show(latest) : Add(db, change, row, content, "profile.update");
    }

    private static void MustDefine(Caller caller)
    {
        if (!caller.IsAdmin && !caller.DefinesProfiles)
        {
            throw new Refusal(RefusalKind.Forbidden, "Not allowed", "Guardrails profiles are changed by admins, and by the sources that RUNTIME_SOURCE_POLICY lets define them.");
        }
    }

    private async Task<T> WriteAsync<T>(Caller caller, Func<RecordsDb, Change, CancellationToken, Task<T>> write, CancellationToken ct)
    {
        MustDefine(caller);
        var now = time.GetUtcNow();
        var change = new Change(RecordId.New(now), caller, now);
        var result = await database.WriteAsync((db, stop) => write(db, change, stop), ct);
        await RefreshAsync(ct);
        return result;
    }

    private static GuardrailProfile Add(RecordsDb db, Change change, ProfileRow row, ProfileContent content, string action)
    {
        row.Version++;
        var version = new ProfileVersionRow
        {
            Name = row.Name,
            Version = row.Version,
            Description = content.Description,
            RecommendedBackends = RecordsJson.Write(content.RecommendedBackends),
            Config = RecordsJson.Write(content.Config),
            CreatedBy = change.Caller.Subject,
            CreatedAt = change.AtMs,
            CreatedRoles = (int)change.Caller.Roles,
            CreatedByPerson = change.Caller.IsPerson,
        };
        db.ProfileVersions.Add(version);
        change.Audit(db, action, row.Name, row.Version > 1 ? $"version {row.Version - 1}" : null, $"version {row.Version}: {version.Config}");
        return Show(version);
    }

    private static void MustBeCustom(string? name)
    {
        if (name is not null && BuiltInProfiles.Find(name) is not null)
        {
            throw new Refusal(RefusalKind.Conflict, "Built in", $"The guardrails profile '{name}' is built in and can't be changed. Make one of another name.");
        }
    }

    private static void MustBeOwner(Caller caller, ProfileRow row)
    {
        if (row.Owner != caller.Source)
        {
            throw new Refusal(RefusalKind.Conflict, "Owned elsewhere", $"The guardrails profile '{row.Name}' is owned by {row.Owner}: change it {Policy.WhereToChange(row.Owner)}.");
        }
    }

    private static void Check(string? name, ProfileContent content)
    {
        var errors = GuardrailsCheck.Profile(name, content.Description, content.RecommendedBackends, content.Config);
        if (errors.Count > 0)
        {
            throw new Refusal(RefusalKind.Invalid, "The guardrails profile is not valid", string.Join(' ', errors.Select(error => $"{error.Path}: {error.Message}")), errors);
        }
    }

    private static async Task<ProfileRow> MustFindAsync(RecordsDb db, string name, CancellationToken ct) =>
        await db.Profiles.FirstOrDefaultAsync(row => row.Name == name && row.DeletedAt == null, ct)
        ?? throw new Refusal(RefusalKind.NotFound, "No such guardrails profile", $"There is no guardrails profile '{name}'. POST /runtimes/guardrails makes one.");

    private static Task<ProfileVersionRow?> LatestAsync(RecordsDb db, ProfileRow row, CancellationToken ct) =>
        db.ProfileVersions.FirstOrDefaultAsync(version => version.Name == row.Name && version.Version == row.Version, ct);

    private static bool Same(ProfileVersionRow row, ProfileContent content) =>
        row.Description == content.Description
        && row.Config == RecordsJson.Write(content.Config)
        && row.RecommendedBackends == RecordsJson.Write(content.RecommendedBackends);

    private static GuardrailProfile Show(ProfileVersionRow row) => new(
        row.Name,
        row.Description,
        RecordsJson.Read<List<string>>(row.RecommendedBackends),
        RecordsJson.Read<GuardrailsConfig>(row.Config),
        BuiltIn: false,
        row.Version);
}

/// <param name="CreatedAt">Null: came with the release.</param>
internal sealed record ProfileVersion(GuardrailProfile Profile, string CreatedBy, DateTimeOffset? CreatedAt);
