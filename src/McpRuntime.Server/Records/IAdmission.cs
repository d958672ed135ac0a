using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Records;

/// <summary>What a request means (pure), and the hash that says whether two of them mean the same.</summary>
internal interface IAdmission
{
    AdmissionResult Admit(DeployRequest request, AdmissionContext context);

    string HashOf(RuntimeSpec spec, EffectiveGuardrails guardrails, string backend, KeyedHash hash);
}

/// <summary>The settings, profiles and catalog as they stand now, for one caller. In memory: asked inside a transaction.</summary>
internal interface IAdmissionContexts
{
    AdmissionContext For(Caller caller);
}
