using System.ComponentModel.DataAnnotations;
using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>The installation's settings of this backend; validated where they are read.</summary>
public sealed record DockerOptions
{
    /// <summary>DOCKER_HOST's notation, or RUNTIME_DOCKER_SOCKET's bare path.</summary>
    [Required]
    public string Host { get; init; } = "/var/run/docker.sock";

    /// <summary>DOCKER_CERT_PATH: the folder of <c>ca.pem</c>, <c>cert.pem</c>, <c>key.pem</c>; null = no TLS.</summary>
    public string? CertificateFolder { get; init; }

    /// <summary>RUNTIME_DOCKER_SUBNET_POOL. Cut into /28: 4,096 runtimes in a /16, of at most 13 containers each.</summary>
    [Required]
    public string SubnetPool { get; init; } = "10.201.0.0/16";

    /// <summary>RUNTIME_REGISTRY_CREDENTIALS: a file, read again when it changes; null = none.</summary>
    public string? RegistryCredentials { get; init; }

    /// <summary>RUNTIME_GUARDRAILS_MODE, for configs that name none.</summary>
    public GuardrailsMode Mode { get; init; } = GuardrailsMode.Warn;

    /// <summary>Names of the AppArmor profiles that an admin has loaded on the engine's host.</summary>
    public IReadOnlyList<string> ApparmorProfiles { get; init; } = [];

    /// <summary>Seccomp profiles an admin configured: name → the profile's JSON.</summary>
    public IReadOnlyDictionary<string, string> SeccompProfiles { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Bytes of the tmpfs at /tmp under a read-only root; counted against the container's memory.</summary>
    [Range(1 << 20, 1 << 30)]
    public long TmpSize { get; init; } = 64L << 20;

    /// <summary>Of one log file, in the engine's notation; with <see cref="LogFiles"/> it bounds what a server can fill the host's disk with.</summary>
    [Required]
    public string LogSize { get; init; } = "10m";

    [Range(1, 100)]
    public int LogFiles { get; init; } = 3;

    /// <summary>Between SIGTERM and SIGKILL. In-flight calls have drained before; an effect must end well within the lease's margin.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Of one pull, whole.</summary>
    public TimeSpan PullTimeout { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Of a pull that says nothing.</summary>
    public TimeSpan PullIdle { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>RUNTIME_DOCKER_ALLOWED_REGISTRIES, for what a Dockerfile names; images of a request were held against it before.</summary>
    public IReadOnlyList<string> AllowedRegistries { get; init; } = ["docker.io", "ghcr.io"];

    /// <summary>RUNTIME_REGISTRY_MIRRORS: asked, and pulled from, before the registry itself.</summary>
    public IReadOnlyList<RegistryMirror> Mirrors { get; init; } = [];

    public BuildLimits Builds { get; init; } = new();

    /// <summary>Logs of builds, a file each of at most 1 MB.</summary>
    public string BuildLogFolder { get; init; } = Path.Combine(Path.GetTempPath(), "mcpruntime-builds");

    /// <summary>Of the question to a registry for a digest.</summary>
    public TimeSpan RegistryTimeout { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>What the backend needs to know of the installation it belongs to.</summary>
/// <param name="InstanceId">Of this installation; in every label we set.</param>
/// <param name="PinIdentity">Pins the engine's id at first contact and gives what is pinned.</param>
/// <param name="Hash">Keyed by the installation: environment values are part of a container's fingerprint.</param>
public sealed record DockerInstallation(
    Func<CancellationToken, Task<string>> InstanceId,
    Func<string, CancellationToken, Task<string>> PinIdentity,
    KeyedHash Hash);
