using McpRuntime.Core.Specs.Rules;

namespace McpRuntime.Core.Specs;

/// <summary>The judgement on a request, whatever door it came through: pure, and complete (every error at once, not the first).</summary>
public static class Admission
{
    // In this order: each may read what those before it found out.
    private static readonly IAdmissionRule[] Rules =
    [
        new BackendRule(),
        new SourceRule(),
        new NameRule(),
        new ListingRule(),
        new RegistryRule(),
        new EndpointRule(),
        new EnvironmentRule(),
        new GuardrailsRule(),
        new ComposeRule(),
        new VolumesRule(),
        new ControlsRule(),
        new ApprovalRule(),
    ];

    public static AdmissionResult Admit(DeployRequest request, AdmissionContext context)
    {
        var draft = new AdmissionDraft(request, context);
        foreach (var rule in Rules)
        {
            rule.Apply(draft);
        }

        // Form before rights: who may not do it learns so once what was asked makes sense.
        if (draft.Errors.Count > 0)
        {
            return new AdmissionResult(Admitted: null, draft.Errors);
        }

        return draft.Rights.Count > 0
            ? new AdmissionResult(Admitted: null, draft.Rights, Forbidden: true)
            : new AdmissionResult(new Admitted(draft.Name!, draft.Backend, Spec(draft), draft.Guardrails!, draft.Triggers), []);
    }

    private static RuntimeSpec Spec(AdmissionDraft draft) => new()
    {
        Source = draft.Source!,
        Catalog = draft.Entry,
        GuardrailsProfile = draft.Guardrails!.Profile,
        GuardrailsOverrides = draft.Overrides,
        Resources = draft.Request.Resources,
        Environment = draft.Environment,
        Volumes = draft.Volumes,
        RegisterGateway = draft.Request.RegisterGateway ?? true,
        GatewayName = draft.Request.GatewayName,
        GatewayTransport = draft.Transport,
        EndpointPort = draft.EndpointPort,
        EndpointPath = draft.EndpointPath,
        Visibility = draft.Visibility,
        TeamId = draft.Request.TeamId,
        Tags = draft.Tags,
        Metadata = draft.Metadata,
    };
}
