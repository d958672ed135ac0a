using McpRuntime.Backends;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records;

namespace McpRuntime.Server.Settings;

/// <summary>What admission may look at: the settings, and catalog, profiles and backends as they are in memory now.</summary>
internal sealed class AdmissionContexts(RuntimeSettings settings, ICatalog catalog, ProfileStore profiles, IReadOnlyDictionary<string, IBackend> backends) : IAdmissionContexts
{
    // A switched-off backend is refused by name before its report could be asked for.
    private static readonly Dictionary<string, string> SwitchedOnBy = new(StringComparer.Ordinal)
    {
        ["docker"] = "RUNTIME_DOCKER_ENABLED",
        ["ibm_code_engine"] = "RUNTIME_IBM_CODE_ENGINE_ENABLED",
        ["kubernetes"] = "RUNTIME_KUBERNETES_ENABLED",
    };

    private readonly Dictionary<string, BackendTraits> _traits = SwitchedOnBy.ToDictionary(
        pair => pair.Key,
        pair => backends.TryGetValue(pair.Key, out var backend)
            ? new BackendTraits(true, pair.Value, backend.Capabilities.SupportsCompose, backend.Capabilities.SupportsGithubBuild, backend.Report)
            : new BackendTraits(false, pair.Value, false, false, (_, _) => []),
        StringComparer.Ordinal);

    public AdmissionContext For(Caller caller) => new()
    {
        Caller = caller,
        DefaultBackend = settings.DefaultBackend,
        Backends = _traits,
        FindCatalogEntry = catalog.Find,
        Catalog = catalog.Entries,
        FindProfile = profiles.Find,
        AllowedRegistries = settings.AllowedRegistries,
        DefaultMode = settings.GuardrailsMode,
        AllowedGitHosts = settings.Sources.GitAllowedHosts,
        TrustedCatalogs = settings.Catalog.TrustedUrls,
        Approvals = settings.Approvals,
    };

    public Task RefreshAsync(CancellationToken ct) => profiles.RefreshAsync(ct);
}
