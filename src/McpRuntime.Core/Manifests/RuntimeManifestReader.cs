using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Manifests;

/// <summary>A McpRuntime document → the request that it stands for. Form only: what it means is Admission's business.</summary>
internal static class RuntimeManifestReader
{
    private const string RequestedReason = "requested_reason";

    public static RuntimeManifest? Read(ManifestFields root)
    {
        var (name, space) = ManifestReader.Identity(root);
        var (request, state, suspend) = root.Object("spec", spec => Box(Spec(spec, space)))?.Value ?? default;
        if (request is null)
        {
            // Said already when it is there and no mapping.
            return root.Document.IsGood ? root.Wrong<RuntimeManifest>("spec", "is missing: what should run") : null;
        }

        return root.Document.IsGood && name is not null
            ? new RuntimeManifest
            {
                Origin = root.Document.Origin,
                Name = name,
                Namespace = space,
                Request = request with { Name = space is null ? name : $"{name}.{space}" },
                State = state,
                Suspend = suspend,
                Lines = root.Document.Lines,
            }
            : null;
    }

    private static (DeployRequest Request, DesiredState State, bool Suspend) Spec(ManifestFields spec, string? space)
    {
        var request = new DeployRequest
        {
            Backend = spec.Text("backend"),
            Source = spec.Object("source", Source),
            CatalogServerId = spec.Text("catalogServerId"),
            Resources = spec.Object("resources", GuardrailFields.Resources),
            Environment = EnvironmentFields.Read(spec, space),
            Volumes = spec.Texts("volumes"),
            Visibility = spec.Text("visibility"),
            TeamId = spec.Text("teamId"),
            Tags = spec.Texts("tags"),
            Metadata = Metadata(spec),
        };
        request = spec.Object("guardrails", guardrails => request with
        {
            GuardrailsProfile = guardrails.Text("profile"),
            GuardrailsOverrides = guardrails.Object("overrides", GuardrailFields.Overrides),
        }) ?? request;
        request = spec.Object("gateway", gateway => request with
        {
            RegisterGateway = gateway.Flag("register"),
            GatewayName = gateway.Text("name"),
            GatewayTransport = gateway.Text("transport"),
            EndpointPort = gateway.Whole("port"),
            EndpointPath = gateway.Text("path"),
        }) ?? request;
        var state = spec.Word("state", nameof(DesiredState.Running), nameof(DesiredState.Stopped)) == nameof(DesiredState.Stopped) ? DesiredState.Stopped : DesiredState.Running;
        return (request, state, spec.Flag("suspend") ?? false);
    }

    private static SourceRequest Source(ManifestFields source) => new()
    {
        Type = source.Text("type"),
        Image = source.Text("image"),
        Command = source.Texts("command"),
        Repo = source.Text("repo"),
        Ref = source.Text("ref"),
        Branch = source.Text("branch"),
        Commit = source.Text("commit"),
        Dockerfile = source.Text("dockerfile"),
        Context = source.Text("context"),
        BuildArgs = source.Map("buildArgs"),
        PushToRegistry = source.Flag("pushToRegistry"),
        Registry = source.Text("registry"),
        ComposeFile = source.Text("composeFile"),
        Path = source.Text("path"),
        MainService = source.Text("mainService"),
    };

    /// <summary>Why it is asked for goes to who approves it; the REST API has it among the metadata.</summary>
    private static IReadOnlyDictionary<string, string>? Metadata(ManifestFields spec)
    {
        var (metadata, reason) = (spec.Map("metadata"), spec.Text("requestedReason"));
        if (reason is null)
        {
            return metadata;
        }

        var all = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>(StringComparer.Ordinal), StringComparer.Ordinal);
        return all.TryAdd(RequestedReason, reason)
            ? all
            : spec.Wrong<IReadOnlyDictionary<string, string>>("requestedReason", $"stands in metadata.{RequestedReason} too: give it once");
    }

    // Object reads a class; three things at once are a value.
    private static Boxed Box((DeployRequest, DesiredState, bool) value) => new(value);

    private sealed record Boxed((DeployRequest? Request, DesiredState State, bool Suspend) Value);
}
