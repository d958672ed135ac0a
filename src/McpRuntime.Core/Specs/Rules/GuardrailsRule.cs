using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;

namespace McpRuntime.Core.Specs.Rules;

/// <summary>Which profile, what it comes to, and what of it is looser than the baseline.</summary>
internal sealed class GuardrailsRule : IAdmissionRule
{
    public void Apply(AdmissionDraft draft)
    {
        var request = draft.Request;
        draft.Overrides = GuardrailsMerge.IsEmpty(request.GuardrailsOverrides) ? null : request.GuardrailsOverrides;
        var named = request.GuardrailsProfile is { Length: > 0 } sent ? sent : BuiltInProfiles.StandardName;
        var fromEntry = EntryProfile(draft);

        // The entry's profile stands in for the default, not for a choice.
        var chosen = named == BuiltInProfiles.StandardName && draft.Overrides is null && fromEntry is not null ? fromEntry : draft.Context.FindProfile(named);
        if (chosen is null)
        {
            draft.Wrong("guardrails_profile", $"{Quoted.Of(named)} is not a guardrails profile: GET /runtimes/guardrails lists them");
            return;
        }

        if (Broken(draft.Overrides) is { } broken)
        {
            draft.Wrong(broken, "holds null where a value is needed");
            return;
        }

        var below = Tightened(chosen.Config, draft.Entry);
        var effective = GuardrailsMerge.Merge(below, draft.Overrides, request.Resources);
        List<ValidationError> errors = [.. GuardrailsCheck.Form(effective), .. GuardrailsCheck.NeedsOwnProfile(effective, chosen)];
        draft.Errors.AddRange(errors.Select(error => error with { Path = RequestPath(error.Path, request) }));
        if (errors.Count > 0)
        {
            // Nor compared: what is not within its limits could make the comparison costly.
            return;
        }

        var baseline = Tightened((fromEntry ?? BuiltInProfiles.Standard).Config, draft.Entry);
        draft.Guardrails = new EffectiveGuardrails(chosen.Name, chosen.Version, effective, GuardrailsOrder.Loosened(effective, baseline, draft.Context.DefaultMode));
        if (draft.Guardrails.Loosened.Count > 0 && draft.Context.Approvals is null && !draft.Context.Caller.IsAdmin)
        {
            foreach (var field in draft.Guardrails.Loosened)
            {
                draft.Forbid(RequestPath(field, request), $"is looser than the baseline ({fromEntry?.Name ?? BuiltInProfiles.StandardName}): with approvals off that takes the admin role");
            }
        }
    }

    /// <summary>Null: the entry names none, or one that it may not choose.</summary>
    private static GuardrailProfile? EntryProfile(AdmissionDraft draft)
    {
        if (draft.Entry is not { GuardrailsProfile: { Length: > 0 } name } entry)
        {
            return null;
        }

        if (draft.Context.FindProfile(name) is not { } profile)
        {
            draft.Wrong("catalog_server_id", $"the catalog entry {entry.Id} asks for the guardrails profile {Quoted.Of(name)}, which is not there");
            return null;
        }

        return draft.Context.MayChoose(entry, profile) ? profile : null;
    }

    /// <summary>The hosts that an entry says its server needs close all others; they open nothing that the profile closes.</summary>
    private static GuardrailsConfig Tightened(GuardrailsConfig profile, CatalogEntry? entry)
    {
        if (entry is { DisableNetwork: true })
        {
            return profile with { Network = new(EgressAllowed: false, [], profile.Network.IngressPorts) };
        }

        return entry is { AllowedHosts.Count: > 0 } && Egress.Of(profile.Network) is Egress.All
            ? profile with { Network = new(EgressAllowed: true, entry.AllowedHosts, profile.Network.IngressPorts) }
            : profile;
    }

    // Lists come from JSON, where an element may be null whatever the type says.
    private static string? Broken(GuardrailsOverrides? overrides) =>
        overrides?.Network?.AllowedHosts?.Any(h => h is null) == true ? "guardrails_overrides.network.allowed_hosts"
        : overrides?.Filesystem?.AllowedMounts?.Any(m => m is null) == true ? "guardrails_overrides.filesystem.allowed_mounts"
        : overrides?.Capabilities?.Add?.Any(c => c is null) == true ? "guardrails_overrides.capabilities.add"
        : null;

    /// <summary>The field as the caller sent it: limits may have come in <c>resources</c>.</summary>
    private static string RequestPath(string field, DeployRequest request) => field switch
    {
        "resources.cpu" when request.Resources?.Cpu is not null => field,
        "resources.memory" when request.Resources?.Memory is not null => field,
        "resources.max_pids" when request.Resources?.MaxPids is not null => field,
        "resources.min_scale" when request.Resources?.MinScale is not null => field,
        "resources.max_scale" when request.Resources?.MaxScale is not null => field,
        "resources.timeout_seconds" when request.Resources?.TimeoutSeconds is not null => field,
        _ => "guardrails_overrides." + field,
    };
}
