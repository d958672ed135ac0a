using System.Net;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>Who reaches an app's endpoint past the gateway: the platform checks nobody.</summary>
public enum AppVisibility
{
    /// <summary>The Internet and the project; the only one that a gateway outside IBM's network can use.</summary>
    LocalPublic,

    /// <summary>IBM's private network and the project.</summary>
    LocalPrivate,

    /// <summary>The project alone: the service itself must run in it.</summary>
    Local,
}

public enum StopMode
{
    /// <summary>Visibility <c>local</c> and no instance kept: the app stays, and other apps of the project could still wake it.</summary>
    ScaleToZero,

    /// <summary>The app is deleted, and made again at the next start.</summary>
    Recreate,
}

/// <summary>The installation's settings of this backend, RUNTIME_IBM_CODE_ENGINE_*; validated where they are read.</summary>
public sealed record CodeEngineOptions
{
    /// <summary>The platform takes no longer timeout of a build.</summary>
    public static readonly TimeSpan LongestBuild = TimeSpan.FromHours(1);

    public required SecretText ApiKey { get; init; }

    public required string ProjectId { get; init; }

    public required string Region { get; init; }

    /// <summary>Null: the region's own public endpoint.</summary>
    public Uri? Url { get; init; }

    /// <summary>Null: IBM Cloud's own IAM.</summary>
    public Uri? IamUrl { get; init; }

    /// <summary>The name of a registry secret that is in the project already; apps pull and builds push with it.</summary>
    public string? RegistrySecret { get; init; }

    /// <summary>Where built images go: <c>us.icr.io/namespace</c>. Null: no builds.</summary>
    public string? BuildRegistry { get; init; }

    public AppVisibility Visibility { get; init; } = AppVisibility.LocalPublic;

    public StopMode Stop { get; init; } = StopMode.ScaleToZero;

    /// <summary>The API that hands out the project's kubeconfig, inferred from what IBM's CLI does. Null: IBM's own.</summary>
    public Uri? KubeConfigUrl { get; init; }

    /// <summary>An IBM Cloud Logs instance's endpoint; null: none.</summary>
    public Uri? CloudLogsUrl { get; init; }

    /// <summary>RUNTIME_REGISTRY_CREDENTIALS, for the question which digest a tag means; null = asked without.</summary>
    public string? RegistryCredentials { get; init; }

    /// <summary>RUNTIME_ALLOW_PRIVATE_ADDRESSES: where registries and repositories may be although private.</summary>
    public IReadOnlyList<IPNetwork> PrivateAddresses { get; init; } = [];

    /// <summary>RUNTIME_DOCKER_ALLOWED_REGISTRIES, for what a repository's Dockerfile stands on; the image of a request is judged before.</summary>
    public IReadOnlyList<string> AllowedRegistries { get; init; } = ["docker.io", "ghcr.io"];

    /// <summary>RUNTIME_GUARDRAILS_MODE, for configs that name none.</summary>
    public GuardrailsMode Mode { get; init; } = GuardrailsMode.Warn;

    /// <summary>The platform tells nobody that something happened: one list of apps so often, 2 calls a minute.</summary>
    public TimeSpan HintEvery { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Of one build, as the platform bounds it: 1 s to 1 h.</summary>
    public TimeSpan BuildTimeout { get; init; } = TimeSpan.FromMinutes(10);

    internal Uri ApiBase => Url ?? new Uri($"https://api.{Region}.codeengine.cloud.ibm.com");

    internal Uri IamBase => IamUrl ?? new Uri("https://iam.cloud.ibm.com");

    internal Uri KubeConfigBase => KubeConfigUrl ?? new Uri("https://ibm-cloud-code-engine.cloud.ibm.com");

    internal bool CanBuild => BuildRegistry is not null && RegistrySecret is not null;

    /// <summary>A record prints its members; this one's hold a key, which prints as stars, and addresses.</summary>
    public override string ToString() => $"project {ProjectId} in {Region}";
}

/// <summary>What the backend needs to know of the installation it belongs to.</summary>
/// <param name="InstanceId">Of this installation; in every mark we set.</param>
/// <param name="PinIdentity">Pins the project's own identity at first contact and gives what is pinned.</param>
/// <param name="Hash">Keyed by the installation: names of secrets carry a hash of what is in them.</param>
public sealed record CodeEngineInstallation(
    Func<CancellationToken, Task<string>> InstanceId,
    Func<string, CancellationToken, Task<string>> PinIdentity,
    KeyedHash Hash);
