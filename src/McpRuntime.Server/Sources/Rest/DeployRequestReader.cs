using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>The JSON of a deploy request → <see cref="DeployRequest"/>. Form only: what it means is Admission's business.</summary>
internal static class DeployRequestReader
{
    public static DeployRequest Read(JsonFields json) => new()
    {
        Name = json.Text("name"),
        Backend = json.Text("backend"),
        Source = json.Object("source", Source),
        CatalogServerId = json.Text("catalog_server_id"),
        GuardrailsProfile = json.Text("guardrails_profile"),
        GuardrailsOverrides = json.Object("guardrails_overrides", Overrides),
        Resources = json.Object("resources", Resources),
        Environment = json.Map("environment")?.ToDictionary(pair => pair.Key, pair => new SecretText(pair.Value), StringComparer.Ordinal),
        Volumes = json.Texts("volumes"),
        RegisterGateway = json.Flag("register_gateway"),
        GatewayName = json.Text("gateway_name"),
        GatewayTransport = json.Text("gateway_transport"),
        EndpointPort = json.Whole("endpoint_port"),
        EndpointPath = json.Text("endpoint_path"),
        Visibility = json.Text("visibility"),
        TeamId = json.Text("team_id"),
        Tags = json.Texts("tags"),
        Metadata = json.Map("metadata"),
    };

    private static SourceRequest Source(JsonFields json) => new()
    {
        Type = json.Text("type"),
        Image = json.Text("image"),
        Command = json.Texts("command"),
        Repo = json.Text("repo"),
        Ref = json.Text("ref"),
        Branch = json.Text("branch"),
        Commit = json.Text("commit"),
        Dockerfile = json.Text("dockerfile"),
        Context = json.Text("context"),
        BuildArgs = json.Map("build_args"),
        PushToRegistry = json.Flag("push_to_registry"),
        Registry = json.Text("registry"),
        ComposeFile = json.Text("compose_file"),
        Path = json.Text("path"),
        MainService = json.Text("main_service"),
    };

    public static GuardrailsOverrides Overrides(JsonFields json) => new()
    {
        Network = json.Object("network", network => new NetworkOverrides(network.Flag("egress_allowed"), network.Texts("allowed_hosts"), network.Wholes("ingress_ports"))),
        Filesystem = json.Object("filesystem", filesystem => new FilesystemOverrides(filesystem.Flag("read_only_root"), filesystem.Texts("allowed_mounts"))),
        Capabilities = json.Object("capabilities", capabilities => new CapabilityOverrides(capabilities.Flag("drop_all"), capabilities.Texts("add"))),
        Resources = json.Object("resources", Resources),
        Seccomp = json.Text("seccomp"),
        Apparmor = json.Text("apparmor"),
        Process = json.Object("process", process => new ProcessOverrides(process.Flag("run_as_non_root"), process.Flag("no_new_privileges"))),
        Images = json.Object("images", images => new ImageOverrides(images.Flag("require_digest"))),
        Mode = Mode(json),
    };

    private static GuardrailsMode? Mode(JsonFields json) => json.Text("mode") switch
    {
        null => null,
        "warn" => GuardrailsMode.Warn,
        "approve" => GuardrailsMode.Approve,
        "refuse" => GuardrailsMode.Refuse,
        _ => json.Wrong<GuardrailsMode?>(json.PathOf("mode"), "must be warn, approve or refuse"),
    };

    private static ResourceRequest Resources(JsonFields json) => new(
        json.TextOrNumber("cpu"),
        json.TextOrNumber("memory"),
        json.Whole("max_pids"),
        json.Whole("min_scale"),
        json.Whole("max_scale"),
        json.Whole("timeout_seconds"));
}
