using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Manifests;

/// <summary>Guardrails and limits as a manifest writes them: the fields of the REST API in camelCase.</summary>
internal static class GuardrailFields
{
    public static GuardrailsOverrides Overrides(ManifestFields fields) => new()
    {
        Network = fields.Object("network", network => new NetworkOverrides(network.Flag("egressAllowed"), network.Texts("allowedHosts"), network.Wholes("ingressPorts"))),
        Filesystem = fields.Object("filesystem", filesystem => new FilesystemOverrides(filesystem.Flag("readOnlyRoot"), filesystem.Texts("allowedMounts"))),
        Capabilities = fields.Object("capabilities", capabilities => new CapabilityOverrides(capabilities.Flag("dropAll"), capabilities.Texts("add"))),
        Resources = fields.Object("resources", Resources),
        Seccomp = fields.Text("seccomp"),
        Apparmor = fields.Text("apparmor"),
        Process = fields.Object("process", process => new ProcessOverrides(process.Flag("runAsNonRoot"), process.Flag("noNewPrivileges"))),
        Images = fields.Object("images", images => new ImageOverrides(images.Flag("requireDigest"))),
        Mode = fields.Word("mode", "warn", "approve", "refuse") switch
        {
            "warn" => GuardrailsMode.Warn,
            "approve" => GuardrailsMode.Approve,
            "refuse" => GuardrailsMode.Refuse,
            _ => null,
        },
    };

    public static ResourceRequest Resources(ManifestFields fields) => new(
        fields.Quantity("cpu"),
        fields.Quantity("memory"),
        fields.Whole("maxPids"),
        fields.Whole("minScale"),
        fields.Whole("maxScale"),
        fields.Whole("timeoutSeconds"));
}
