using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Records;

/// <summary>A request that was admitted, closed and hashed: ready to become a generation.</summary>
internal sealed record Draft(
    Admitted Admitted,
    Core.Approvals.ApprovalPolicy? Approvals,
    IReadOnlyDictionary<string, KeptValue> Environment,
    string ContentHash)
{
    public bool NeedsApproval => Approvals is not null && Admitted.Triggers.Count > 0;
}

/// <summary>From a request to a <see cref="Draft"/>, the same way for every door.</summary>
internal sealed class Drafts(IAdmissionContexts contexts, EnvironmentVault vault, MasterKey masterKey)
{
    private readonly KeyedHash _content = masterKey.Hash("content");
    private readonly KeyedHash _bodies = masterKey.Hash("idempotency");

    /// <exception cref="Refusal">Invalid or Forbidden, every error with its field.</exception>
    public async Task<Draft> MakeAsync(Caller caller, DeployRequest request, string recordId, CancellationToken ct)
    {
        var context = contexts.For(caller);
        var result = Admission.Admit(request, context);
        if (result.Admitted is not { } admitted || result.Errors.Count > 0)
        {
            throw new Refusal(
                result.Forbidden ? RefusalKind.Forbidden : RefusalKind.Invalid,
                result.Forbidden ? "Not allowed" : "The request is not valid",
                string.Join(' ', result.Errors.Select(error => $"{error.Path}: {error.Message}")),
                result.Errors);
        }

        var kept = await vault.CloseAsync(recordId, admitted.Spec, ct);
        return new(admitted, context.Approvals, kept, ContentHash(admitted, kept));
    }

    /// <summary>Tells one request body from another; keyed, since a body holds secrets.</summary>
    public string Fingerprint(PutRuntime put) =>
        _bodies.Of($"{put.Owner}\n{put.IdOrName}\n{put.MustCreate}\n{put.MustExist}\n{RecordsJson.WriteRevealed(put.Request)}");

    /// <summary>The spec's hash, and with it the versions of the secrets it refers to: a rotated secret is another content.</summary>
    private string ContentHash(Admitted admitted, SortedDictionary<string, KeptValue> kept)
    {
        var spec = SpecHash.Of(admitted.Spec, admitted.Guardrails, admitted.Backend, _content);
        var versions = kept.Where(value => value.Value.Version is not null).Select(value => $"{value.Key}={value.Value.Version}").ToList();
        return versions.Count == 0 ? spec : _content.Of($"{spec}\n{string.Join('\n', versions)}");
    }
}
