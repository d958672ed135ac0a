using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Records;

/// <summary>The settings, profiles and catalog as they stand now, for one caller. In memory: asked inside a transaction.</summary>
internal interface IAdmissionContexts
{
    AdmissionContext For(Caller caller);

    /// <summary>Asked before a write: what another replica has changed since (profiles) is read.</summary>
    Task RefreshAsync(CancellationToken ct) => Task.CompletedTask;
}
