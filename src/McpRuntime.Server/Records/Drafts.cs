using McpRuntime.Core.Approvals;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Records;

/// <summary>A request that was admitted, closed and hashed: ready to become a generation.</summary>
internal sealed record Draft(
    Admitted Admitted,
    ApprovalPolicy? Approvals,
    IReadOnlyDictionary<string, KeptValue> Environment,
    string KeptSpec,
    string ContentHash)
{
    /// <summary>Why it needs an approval: the rules', and those of the operation that made it.</summary>
    public IReadOnlyList<ApprovalTrigger> Triggers { get; init; } = Admitted.Triggers;

    /// <summary>What it is pinned to already, when it is made from an earlier generation; null = still to be resolved.</summary>
    public ResolvedFacts? Facts { get; init; }

    /// <summary>Who else than the caller answers for it, and so may not approve it.</summary>
    public IReadOnlyList<string> AlsoAskedBy { get; init; } = [];

    /// <summary>What a null <c>mode</c> means in this installation.</summary>
    public required GuardrailsMode DefaultMode { get; init; }

    /// <summary>The same, with what a profile that has moved on since lets more than it did: also to those whose baseline the profile is itself.</summary>
    /// <param name="before">What it is held against; see <see cref="Generations.BeforeAsync"/>.</param>
    /// <exception cref="Refusal">Forbidden: with approvals off it takes an admin.</exception>
    public Draft Since(EffectiveGuardrails? before, Caller caller)
    {
        if (before is null || ApprovalTriggers.Since(before, Admitted.Guardrails, DefaultMode) is not { } loosened)
        {
            return this;
        }

        return Approvals is not null || caller.IsAdmin
            ? this with { Triggers = [.. Triggers.Where(trigger => trigger.Rule != loosened.Rule), Joined(loosened)] }
            : throw new Refusal(RefusalKind.Forbidden, "Not allowed", $"{loosened.Detail}: with approvals off that takes the admin role.");
    }

    /// <summary>One line a rule, with all that it found.</summary>
    private ApprovalTrigger Joined(ApprovalTrigger added) =>
        Triggers.FirstOrDefault(trigger => trigger.Rule == added.Rule) is { } there ? there with { Detail = $"{there.Detail}; {added.Detail}" } : added;

    public bool NeedsApproval => Approvals is not null && Triggers.Count > 0;
}

/// <summary>From a request to a <see cref="Draft"/>, the same way for every door.</summary>
internal sealed class Drafts(IAdmissionContexts contexts, RevisionVaults vaults, ContentHash contents, MasterKey masterKey)
{
    private readonly KeyedHash _bodies = masterKey.Hash("idempotency");

    /// <summary>Before a write begins: profiles that another replica has changed are read.</summary>
    public Task RefreshAsync(CancellationToken ct) => contexts.RefreshAsync(ct);

    /// <exception cref="Refusal">Invalid or Forbidden, every error with its field.</exception>
    /// <param name="declared">Profiles that are being stored with it, and are in no memory yet.</param>
    /// <param name="asItStood">The catalog entry of the generation that this one is made from: a later catalog changes nothing of it.</param>
    public async Task<Draft> MakeAsync(Caller caller, DeployRequest request, string recordId, CancellationToken ct, CatalogEntry? asItStood = null, IReadOnlyList<GuardrailProfile>? declared = null)
    {
        var context = contexts.For(caller);
        if (declared is { Count: > 0 })
        {
            var known = context.FindProfile;
            context = context with { FindProfile = name => declared.FirstOrDefault(profile => profile.Name == name) ?? known(name) };
        }

        if (asItStood is not null)
        {
            context = context with { FindCatalogEntry = id => id == asItStood.Id ? asItStood : null };
        }

        var result = Admission.Admit(request, context);
        if (result.Admitted is not { } admitted || result.Errors.Count > 0)
        {
            throw new Refusal(
                result.Forbidden ? RefusalKind.Forbidden : RefusalKind.Invalid,
                result.Forbidden ? "Not allowed" : "The request is not valid",
                string.Join(' ', result.Errors.Select(error => $"{error.Path}: {error.Message}")),
                result.Errors);
        }

        var kept = await vaults.Environment.CloseAsync(recordId, admitted.Spec, ct);
        return new(admitted, context.Approvals, kept, vaults.Spec.Close(recordId, admitted.Spec), contents.Of(admitted.Spec, admitted.Guardrails, admitted.Backend, kept)) { DefaultMode = context.DefaultMode };
    }

    /// <summary>A stored generation admitted by the rules of now, pinned to what it was pinned to.</summary>
    public async Task<Draft> AnewAsync(Caller caller, RuntimeRow row, RevisionRow from, CancellationToken ct)
    {
        var draft = await MakeAsync(caller, Again(row, from), row.Id, ct, EntryOf(from));
        return from.Facts is null ? draft : draft with { Facts = RecordsJson.Read<ResolvedFacts>(from.Facts) };
    }

    /// <summary>
    /// What the catalog has made stricter, or taken away, since a generation was made from it: going back to that generation must not
    /// slip past it. Empty when nothing was.
    /// </summary>
    public IReadOnlyList<ApprovalTrigger> CatalogSince(Caller caller, CatalogEntry then)
    {
        var now = contexts.For(caller).FindCatalogEntry(then.Id);
        var changed = now is null ? "is not in the catalog any more"
            : now.RequiresApproval && !then.RequiresApproval ? "asks for an approval now"
            : now.GuardrailsProfile != then.GuardrailsProfile ? "names another guardrails profile now"
            : now.DisableNetwork != then.DisableNetwork || !(now.AllowedHosts ?? []).SequenceEqual(then.AllowedHosts ?? [], StringComparer.Ordinal) ? "names other hosts now"
            : null;
        return changed is null ? [] : [new ApprovalTrigger("catalog", $"the catalog entry {then.Id} {changed}")];
    }

    /// <summary>The catalog entry that a stored generation was made from, as it stood; null without one.</summary>
    public CatalogEntry? EntryOf(RevisionRow revision) => vaults.Spec.Open(revision.RuntimeId, revision.Spec).Catalog;

    /// <summary>Null: approvals are off.</summary>
    public ApprovalPolicy? PolicyFor(Caller caller) => contexts.For(caller).Approvals;

    /// <summary>A stored generation as a request again, to be admitted by the rules as they are now.</summary>
    public DeployRequest Again(RuntimeRow row, RevisionRow revision)
    {
        var spec = vaults.Spec.Open(row.Id, revision.Spec);
        return new DeployRequest
        {
            Name = row.Name,
            Backend = row.Backend,
            Source = spec.Catalog is null ? RecordsJson.Sent(spec.Source) : null,
            CatalogServerId = spec.Catalog?.Id,
            GuardrailsProfile = spec.GuardrailsProfile,
            GuardrailsOverrides = spec.GuardrailsOverrides,
            Resources = spec.Resources,
            Environment = revision.Environment is null ? null : vaults.Environment.AsSent(row.Id, revision.Environment),
            Volumes = spec.Volumes,
            RegisterGateway = spec.RegisterGateway,
            GatewayName = spec.GatewayName,
            GatewayTransport = spec.GatewayTransport is { } transport ? TransportWord.Of(transport) : null,
            EndpointPort = spec.EndpointPort,
            EndpointPath = spec.EndpointPath,
            Visibility = RestWord(spec.Visibility),
            TeamId = spec.TeamId,
            Tags = spec.Tags,
            Metadata = spec.Metadata,
        };
    }

    /// <summary>The values a compiler needs, of a draft that is in no database yet.</summary>
    public Task<IReadOnlyDictionary<string, SecretText>> OpenAsync(Draft draft, string recordId, CancellationToken ct) =>
        vaults.Environment.OpenAsync(recordId, draft.Admitted.Spec.TeamId, RecordsJson.Write(draft.Environment), ct);

    /// <summary>Tells one request body from another; keyed, since a body holds secrets.</summary>
    public string Fingerprint(PutRuntime put) =>
        _bodies.Of($"{put.Owner}\n{put.IdOrName}\n{put.MustCreate}\n{put.MustExist}\n{RecordsJson.WriteRevealed(put.Request)}");

    private static string RestWord(Visibility visibility) => visibility switch
    {
        Visibility.Public => "public",
        Visibility.Team => "team",
        Visibility.Private => "private",
    };
}
