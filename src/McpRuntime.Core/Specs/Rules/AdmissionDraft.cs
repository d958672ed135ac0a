using McpRuntime.Core.Approvals;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;

namespace McpRuntime.Core.Specs.Rules;

/// <summary>What the rules have found out so far. Lives for one judgement.</summary>
internal sealed class AdmissionDraft(DeployRequest request, AdmissionContext context)
{
    public DeployRequest Request { get; } = request;

    public AdmissionContext Context { get; } = context;

    public List<ValidationError> Errors { get; } = [];

    /// <summary>What this caller may not do, however well it is formed.</summary>
    public List<ValidationError> Rights { get; } = [];

    public string Backend { get; set; } = context.DefaultBackend;

    /// <summary>Null when there is no such backend.</summary>
    public BackendTraits? Traits { get; set; }

    public CatalogEntry? Entry { get; set; }

    public Source? Source { get; set; }

    /// <summary>Every image it would run; null when that is not known before the sources are read, or the source is wrong.</summary>
    public IReadOnlyList<ImageReference>? Images { get; set; }

    public string? Name { get; set; }

    public GuardrailsOverrides? Overrides { get; set; }

    public EffectiveGuardrails? Guardrails { get; set; }

    public IReadOnlyList<ControlReport> Report { get; set; } = [];

    public IReadOnlyList<ApprovalTrigger> Triggers { get; set; } = [];

    public SortedDictionary<string, EnvironmentValue> Environment { get; } = new(StringComparer.Ordinal);

    public IReadOnlyList<string> Volumes { get; set; } = [];

    public GatewayTransport? Transport { get; set; }

    public int? EndpointPort { get; set; }

    public string? EndpointPath { get; set; }

    public Visibility Visibility { get; set; }

    public IReadOnlyList<string> Tags { get; set; } = [];

    public SortedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    public void Wrong(string path, string message) => Errors.Add(new ValidationError(path, message));

    public void Forbid(string path, string message) => Rights.Add(new ValidationError(path, message));
}

/// <summary>One question about a request.</summary>
internal interface IAdmissionRule
{
    void Apply(AdmissionDraft draft);
}
