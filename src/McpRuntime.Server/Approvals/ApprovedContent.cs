using System.Security.Cryptography;
using System.Text.Json;
using McpRuntime.Core.Approvals;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Approvals;

/// <summary>Holds what would run against what was approved, at every turn: a decision is worth what it was made about, and not what has come to stand in its row since.</summary>
internal sealed class ApprovedContent(ContentHash contents, MasterKey masterKey)
{
    private readonly KeyedHash _binding = masterKey.Hash("approval");

    public string BindingOf(string contentHash, ResolvedFacts facts) => ApprovalBinding.Of(contentHash, facts, _binding);

    /// <returns>Null: it needed no approval, still waits for one, or is what was approved.</returns>
    public string? WhyNot(RevisionRow revision, string backend, ApprovalRow? approval)
    {
        if (revision.ApprovalId is null || revision.State is RevisionState.Pending or RevisionState.Failed)
        {
            return null;
        }

        if (approval is not { Status: ApprovalStatus.Approved })
        {
            return $"Generation {revision.Generation} needs the approval {revision.ApprovalId}, which is {approval?.Status ?? "not there"}.";
        }

        try
        {
            return revision.Facts is { } facts && BindingOf(contents.Of(revision, backend), RecordsJson.Read<ResolvedFacts>(facts)) == approval.ContentHash
                ? null
                : $"What generation {revision.Generation} has come to hold is not what approval {approval.Id} was given to (its spec, guardrails or pin were changed since).";
        }
        catch (Exception fault) when (fault is CryptographicException or FormatException or JsonException or ArgumentException)
        {
            // It may not run; but to be stopped or deleted, its record must be readable.
            return $"What generation {revision.Generation} holds can't be read any more, so that nothing tells whether it is what approval {approval.Id} was given to.";
        }
    }
}
