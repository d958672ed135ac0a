using System.Collections;
using System.Net;
using System.Text;
using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Approvals;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Settings;

/// <summary>Which variable is which setting, its default and its bounds: the one list.</summary>
internal static class SettingsParser
{
    public static readonly string[] BackendNames = ["docker", "ibm_code_engine", "kubernetes"];

    private static readonly string[] SourceTypes = ["docker", "github", "compose"];

    /// <summary>From this process's environment, after <see cref="DotEnv.Load"/>.</summary>
    public static RuntimeSettings FromEnvironment() =>
        Parse(Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(pair => (string)pair.Key, pair => pair.Value as string ?? "", StringComparer.Ordinal));

    /// <exception cref="InvalidSettings">Every wrong variable at once.</exception>
    public static RuntimeSettings Parse(IReadOnlyDictionary<string, string> environment)
    {
        var read = new SettingsReader(environment);
        var warnings = new List<string>();
        var settings = new RuntimeSettings
        {
            Enabled = read.Flag("MCPGATEWAY_RUNTIME_ENABLED", false),
            DefaultBackend = read.Choice("RUNTIME_DEFAULT_BACKEND", "docker", BackendNames),
            GuardrailsMode = Mode(read.Choice("RUNTIME_GUARDRAILS_MODE", "warn", "warn", "approve", "refuse")),
            AllowedRegistries = read.List("RUNTIME_DOCKER_ALLOWED_REGISTRIES", ["docker.io", "ghcr.io"]),
            Docker = Docker(read),
            CodeEngine = CodeEngine(read),
            Kubernetes = Kubernetes(read),
            Catalog = Catalog(read),
            Approvals = Approvals(read),
            ApprovalWebhook = Webhook(read),
            Storage = Storage(read),
            ResyncEvery = TimeSpan.FromSeconds(read.Whole("RUNTIME_RESYNC_SECONDS", 300, 5, 3600)),
            Access = Access(read),
            Gateway = Gateway(read),
            Sources = Sources(read),
            OtlpEndpoint = read.Url("OTEL_EXPORTER_OTLP_ENDPOINT", "http", "https"),
            ServiceName = read.Text("OTEL_SERVICE_NAME") ?? "mcpruntime",
            Urls = Urls(read),
            Warnings = warnings,
        };
        if (read.Errors.Count > 0)
        {
            throw new InvalidSettings(read.Errors);
        }

        warnings.AddRange(read.Unknown());
        warnings.AddRange(Contradictions(settings));
        return settings;
    }

    private static IEnumerable<string> Contradictions(RuntimeSettings settings)
    {
        if (settings is { GuardrailsMode: GuardrailsMode.Approve, Approvals: null })
        {
            yield return "RUNTIME_GUARDRAILS_MODE=approve with RUNTIME_APPROVAL_ENABLED=false: weakened deployments are refused";
        }

        foreach (var url in settings.Catalog.TrustedUrls.Where(trusted => !settings.Catalog.RemoteUrls.Any(url => url.AbsoluteUri == trusted)))
        {
            yield return $"RUNTIME_CATALOG_TRUSTED_URLS holds {url}, which RUNTIME_CATALOG_REMOTE_URLS does not: it trusts nothing";
        }

        var sources = settings.Sources.GitOpsRepos.Count > 0 || settings.Kubernetes?.CustomResources is not null;
        if (settings.Approvals is { Approvers: [var only] } && sources)
        {
            yield return $"RUNTIME_APPROVERS names \"{only}\" alone, and a request of a source that names no person needs two approvers: unless that is a team or a group, none is ever approved";
        }

        if (settings.AllowedRegistries.Count == 0)
        {
            yield return "RUNTIME_DOCKER_ALLOWED_REGISTRIES is empty: no image may be deployed";
        }
    }

    private static DockerSettings Docker(SettingsReader read)
    {
        var socket = read.Text("RUNTIME_DOCKER_SOCKET");
        var named = read.Text("DOCKER_HOST");
        var certificates = read.Text("DOCKER_CERT_PATH");
        var tls = read.Flag("DOCKER_TLS_VERIFY", certificates is not null);
        var host = socket is not null ? DockerHost(read, "RUNTIME_DOCKER_SOCKET", socket.StartsWith('/') ? "unix://" + socket : socket)
            : DockerHost(read, "DOCKER_HOST", named ?? "unix:///var/run/docker.sock");
        if (certificates is not null && !Directory.Exists(certificates))
        {
            read.Refuse("DOCKER_CERT_PATH", $"no folder at {certificates}");
        }

        const string Pool = "RUNTIME_DOCKER_SUBNET_POOL";
        if (!IPNetwork.TryParse(read.Text(Pool) ?? "10.201.0.0/16", out var pool) || pool.BaseAddress.GetAddressBytes().Length != 4 || pool.PrefixLength is < 8 or > 27)
        {
            read.Refuse(Pool, "allowed is an IPv4 network from /8 to /27, such as 10.201.0.0/16; each runtime takes a /28 of it");
        }

        return new DockerSettings(
            read.Flag("RUNTIME_DOCKER_ENABLED", true),
            host,
            tls,
            certificates,
            pool,
            Guard(read, host),
            read.ExistingFile("RUNTIME_REGISTRY_CREDENTIALS"),
            [.. read.List("RUNTIME_REGISTRY_MIRRORS", [], item => RegistryMirror.Parse(item) is null ? "allowed is registry[/path]=mirror[/path], such as docker.io=mirror.example:5000/hub" : null).Select(RegistryMirror.Parse).OfType<RegistryMirror>()],
            Builds(read),
            SecurityProfiles.Read(read));
    }

    private static GuardSettings Guard(SettingsReader read, Uri engine)
    {
        const string PublishOn = "RUNTIME_GUARD_PUBLISH_ON";
        var published = read.Text(PublishOn);
        if (published is not null && Uri.CheckHostName(published) == UriHostNameType.Unknown)
        {
            read.Refuse(PublishOn, "allowed is a host's name or address, without a port");
        }

        // A bridge on another machine can't be reached from here; the engine's own name is where its published ports are.
        return new GuardSettings(
            read.Text("RUNTIME_GUARD_IMAGE") ?? "mcpruntime/guard:latest",
            read.List("RUNTIME_GUARD_DNS", [], item => IPAddress.TryParse(item, out _) ? null : "allowed are addresses of name servers"),
            read.Networks("RUNTIME_GUARD_ALLOW_PRIVATE"),
            published ?? (engine.Scheme == "unix" || engine.IsLoopback ? null : engine.Host));
    }

    private static BuildLimits Builds(SettingsReader read)
    {
        var otherwise = new BuildLimits();
        return otherwise with
        {
            Timeout = TimeSpan.FromSeconds(read.Whole("RUNTIME_BUILD_TIMEOUT_SECONDS", (int)otherwise.Timeout.TotalSeconds, 10, 86_400)),
            Memory = Bytes(read, "RUNTIME_BUILD_MEMORY", otherwise.Memory),
            Cpus = Cpus(read, "RUNTIME_BUILD_CPU", otherwise.Cpus),
            Pids = read.Whole("RUNTIME_BUILD_MAX_PIDS", otherwise.Pids, 16, 1_000_000),
            Disk = Bytes(read, "RUNTIME_BUILD_DISK", otherwise.Disk),
            AtOnce = read.Whole("RUNTIME_BUILDS_AT_ONCE", otherwise.AtOnce, 1, 64),
        };
    }

    private static long Bytes(SettingsReader read, string name, long otherwise)
    {
        const long Least = 64L << 20;
        if (read.Text(name) is not { } text)
        {
            return otherwise;
        }

        if (MemoryQuantity.TryParse(text, out var memory, out _) && memory.Bytes >= Least)
        {
            return memory.Bytes;
        }

        read.Refuse(name, "allowed is an amount of at least 64m, such as 512m or 2g");
        return otherwise;
    }

    private static double Cpus(SettingsReader read, string name, double otherwise)
    {
        if (read.Text(name) is not { } text)
        {
            return otherwise;
        }

        if (CpuQuantity.TryParse(text, out var cpu, out _) && cpu.NanoCpus > 0)
        {
            return cpu.NanoCpus / 1e9;
        }

        read.Refuse(name, "allowed is a number of processors, such as 0.5, 500m or 2");
        return otherwise;
    }

    private static Uri DockerHost(SettingsReader read, string name, string value)
    {
        if (Uri.TryCreate(value, UriKind.Absolute, out var host) && host.Scheme is "unix" or "tcp" or "http" or "https")
        {
            return host;
        }

        read.Refuse(name, $"is \"{value}\"; allowed are a socket's path, unix:///path and tcp://host:port");
        return new Uri("unix:///var/run/docker.sock");
    }

    private static CodeEngineSettings CodeEngine(SettingsReader read)
    {
        var settings = new CodeEngineSettings(
            read.Flag("RUNTIME_IBM_CODE_ENGINE_ENABLED", false),
            read.Secret("RUNTIME_IBM_CODE_ENGINE_API_KEY"),
            Checked(read, "RUNTIME_IBM_CODE_ENGINE_REGION", IsRegion, "a region's name, such as eu-de or us-south"),
            Checked(read, "RUNTIME_IBM_CODE_ENGINE_PROJECT_ID", value => Guid.TryParseExact(value, "D", out _), "the project's id (not its name), such as 01234567-89ab-cdef-0123-456789abcdef"),
            read.Text("RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET"),
            read.Text("RUNTIME_IBM_CODE_ENGINE_BUILD_REGISTRY"),
            read.Choice("RUNTIME_IBM_CODE_ENGINE_VISIBILITY", "local_public", "local_public", "local_private", "local") switch
            {
                "local" => AppVisibility.Local,
                "local_private" => AppVisibility.LocalPrivate,
                _ => AppVisibility.LocalPublic,
            },
            read.Choice("RUNTIME_IBM_CODE_ENGINE_STOP", "scale_to_zero", "scale_to_zero", "recreate") == "recreate" ? StopMode.Recreate : StopMode.ScaleToZero,
            read.Url("RUNTIME_IBM_CODE_ENGINE_URL", "https", "http"),
            read.Url("RUNTIME_IBM_CODE_ENGINE_IAM_URL", "https", "http"),
            read.Url("RUNTIME_IBM_CODE_ENGINE_KUBECONFIG_URL", "https", "http"),
            read.Url("RUNTIME_IBM_CODE_ENGINE_CLOUD_LOGS_URL", "https", "http"));
        foreach (var (name, missing) in new[]
        {
            ("API_KEY", settings.ApiKey is null),
            ("PROJECT_ID", settings.ProjectId is null),
            ("REGION", settings.Region is null),
        })
        {
            if (settings.Enabled && missing)
            {
                read.Refuse("RUNTIME_IBM_CODE_ENGINE_" + name, "is required while RUNTIME_IBM_CODE_ENGINE_ENABLED is true");
            }
        }

        return settings;
    }

    private static string? Checked(SettingsReader read, string name, Func<string, bool> isFine, string allowed)
    {
        var value = read.Text(name);
        if (value is not null && !isFine(value))
        {
            read.Refuse(name, $"is \"{value}\"; allowed is {allowed}");
        }

        return value;
    }

    /// <summary>It becomes part of a host's name, to which the key's token is sent: words of letters and digits alone.</summary>
    private static bool IsRegion(string value) =>
        value.Length <= 32 && value.Split('-') is { Length: > 1 } words && words.All(word => word.Length > 0 && word.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c)));

    private static KubernetesSettings Kubernetes(SettingsReader read) => new(
        read.Flag("RUNTIME_KUBERNETES_ENABLED", false),
        read.ExistingFile("RUNTIME_KUBERNETES_KUBECONFIG"),
        read.Text("RUNTIME_KUBERNETES_NAMESPACE") ?? "mcp-runtime",
        CustomResources(read),
        read.Choice("RUNTIME_KUBERNETES_NETWORK_POLICY", "unknown", "unknown", "enforced") == "enforced",
        read.List("RUNTIME_KUBERNETES_GATEWAY_PEERS", [], item => IPNetwork.TryParse(item, out _) ? null : "an address range, such as 10.0.0.0/24"),
        read.List("RUNTIME_KUBERNETES_LOCAL_IMAGES", []),
        read.List("RUNTIME_KUBERNETES_PULL_SECRETS", []),
        read.Text("RUNTIME_KUBERNETES_GATEWAY_NAMESPACE"));

    private static CustomResourceSettings? CustomResources(SettingsReader read)
    {
        const string ClusterName = "RUNTIME_CUSTOM_RESOURCES_CLUSTER";
        var enabled = read.Flag("RUNTIME_CUSTOM_RESOURCES_ENABLED", false);
        var cluster = read.Text(ClusterName) ?? "default";
        if (!RuntimeName.TryParse(cluster, out _, out var why))
        {
            read.Refuse(ClusterName, why);
        }

        var settings = new CustomResourceSettings(
            cluster, read.List("RUNTIME_CUSTOM_RESOURCES_NAMESPACES", [], item => RuntimeName.TryParse(item, out _, out var problem) ? null : problem));
        return enabled ? settings : null;
    }

    private static CatalogSettings Catalog(SettingsReader read) => new(
        read.ExistingFile("RUNTIME_CATALOG_FILE"),
        read.Urls("RUNTIME_CATALOG_REMOTE_URLS"),
        TimeSpan.FromSeconds(read.Whole("RUNTIME_CATALOG_REMOTE_TIMEOUT_SECONDS", 15, 1, 120)),
        TimeSpan.FromSeconds(read.Whole("RUNTIME_CATALOG_REMOTE_INTERVAL_SECONDS", 300, 5, 86_400)),
        [.. read.Urls("RUNTIME_CATALOG_TRUSTED_URLS").Select(url => url.AbsoluteUri)]);

    private static ApprovalPolicy? Approvals(SettingsReader read)
    {
        var enabled = read.Flag("RUNTIME_APPROVAL_ENABLED", false);
        var policy = new ApprovalPolicy(
            read.List("RUNTIME_APPROVAL_REQUIRED_SOURCE_TYPES", ["github"], item => SourceTypes.Contains(item, StringComparer.Ordinal) ? null : $"allowed are {string.Join(", ", SourceTypes)}"),
            read.List("RUNTIME_APPROVAL_REGISTRY_ALLOWLIST", ["docker.io/library", "docker.io/mcp"]),
            read.List("RUNTIME_APPROVAL_REQUIRED_GUARDRAILS_PROFILES", ["unrestricted"]),
            read.List("RUNTIME_APPROVERS", []),
            TimeSpan.FromHours(read.Whole("RUNTIME_APPROVAL_TIMEOUT_HOURS", 48, 1, 168)))
        {
            AllowSelf = read.Flag("RUNTIME_APPROVAL_ALLOW_SELF", false),
            Notifies = read.Text("RUNTIME_APPROVAL_WEBHOOK_URL") is not null,
        };
        return enabled ? policy : null;
    }

    private static WebhookSettings? Webhook(SettingsReader read)
    {
        var url = read.Url("RUNTIME_APPROVAL_WEBHOOK_URL", "https", "http");
        var secret = read.Secret("RUNTIME_APPROVAL_WEBHOOK_SECRET");
        if (url is null)
        {
            return null;
        }

        if (secret is null || Encoding.UTF8.GetByteCount(secret.Reveal()) < 16)
        {
            read.Refuse("RUNTIME_APPROVAL_WEBHOOK_SECRET", "is required with RUNTIME_APPROVAL_WEBHOOK_URL, at least 16 bytes: without a signature the receiver could not tell our messages from anybody's");
            return null;
        }

        return new WebhookSettings(url, secret);
    }

    private static StorageSettings Storage(SettingsReader read)
    {
        var database = read.Secret("RUNTIME_DATABASE_URL");
        var key = read.Secret("RUNTIME_MASTER_KEY");
        var keyFile = read.ExistingFile("RUNTIME_MASTER_KEY_FILE");
        if (key is not null && keyFile is not null)
        {
            read.Refuse("RUNTIME_MASTER_KEY_FILE", "is set beside RUNTIME_MASTER_KEY; set one of the two");
        }

        var secrets = read.Text("RUNTIME_SECRETS_DIR");
        if (secrets is not null && !Directory.Exists(secrets))
        {
            read.Refuse("RUNTIME_SECRETS_DIR", $"no folder at {secrets}");
        }

        return new StorageSettings(
            Path.GetFullPath(read.Text("RUNTIME_DATA_DIR") ?? "data"),
            database,
            key,
            keyFile,
            secrets,
            TimeSpan.FromDays(read.Whole("RUNTIME_DELETED_RETENTION_DAYS", 7, 0, 3650)),
            Days(read, "RUNTIME_EVENT_RETENTION_DAYS", 90),
            Days(read, "RUNTIME_AUDIT_RETENTION_DAYS", 365));
    }

    /// <summary>0: for good.</summary>
    private static TimeSpan? Days(SettingsReader read, string name, int otherwise) => read.Whole(name, otherwise, 0, 36_500) is > 0 and var days ? TimeSpan.FromDays(days) : null;

    private static AccessSettings Access(SettingsReader read)
    {
        var secret = read.Secret("RUNTIME_JWT_SECRET");
        if (secret is not null && Encoding.UTF8.GetByteCount(secret.Reveal()) < 32)
        {
            read.Refuse("RUNTIME_JWT_SECRET", "is shorter than 32 bytes, which HS256 needs");
        }

        var authority = read.Url("RUNTIME_OIDC_AUTHORITY", "https", "http");
        if (authority is { Scheme: "http", IsLoopback: false })
        {
            read.Refuse("RUNTIME_OIDC_AUTHORITY", "must be https (http only on the loopback address)");
        }

        var audience = read.Text("RUNTIME_OIDC_AUDIENCE");
        if (authority is not null && audience is null)
        {
            read.Refuse("RUNTIME_OIDC_AUDIENCE", "is required with RUNTIME_OIDC_AUTHORITY: a token made for another service must not open this one");
        }

        return new AccessSettings(
            read.Flag("RUNTIME_PLATFORM_ADMIN_ONLY", false),
            secret,
            authority,
            audience,
            read.Text("RUNTIME_CLAIM_ROLES") ?? "roles",
            read.Text("RUNTIME_CLAIM_TEAMS") ?? "teams",
            read.Text("RUNTIME_CLAIM_GROUPS") ?? "groups",
            read.Whole("RUNTIME_RATE_LIMIT", 6000, 0, 1_000_000),
            read.Whole("RUNTIME_OPEN_CALLS_LIMIT", 256, 0, 100_000));
    }

    private static GatewaySettings Gateway(SettingsReader read)
    {
        var embedded = string.Equals(read.Choice("RUNTIME_GATEWAY", "embedded", "embedded", "contextforge"), "embedded", StringComparison.Ordinal);
        var url = read.Url("RUNTIME_CONTEXTFORGE_URL", "https", "http");
        var token = read.Secret("RUNTIME_CONTEXTFORGE_TOKEN");
        var ours = read.Url("RUNTIME_PUBLIC_URL", "https", "http");
        foreach (var (name, why, missing) in new[]
        {
            ("RUNTIME_CONTEXTFORGE_URL", "", url is null),
            ("RUNTIME_CONTEXTFORGE_TOKEN", "", token is null),
            ("RUNTIME_PUBLIC_URL", ": it is where ContextForge reaches what runs here", ours is null),
        })
        {
            if (!embedded && missing)
            {
                read.Refuse(name, $"is required with RUNTIME_GATEWAY=contextforge{why}");
            }
        }

        return new GatewaySettings(
            embedded,
            ours,
            url,
            token,
            TimeSpan.FromSeconds(read.Whole("RUNTIME_GATEWAY_IDLE_TIMEOUT_SECONDS", 120, 1, 86_400)),
            TimeSpan.FromSeconds(read.Whole("RUNTIME_GATEWAY_TOTAL_TIMEOUT_SECONDS", 600, 1, 86_400)),
            read.List("RUNTIME_GATEWAY_ALLOWED_ORIGINS", [], item => SettingsReader.UrlProblem(item, "https", "http")),
            read.Url("RUNTIME_REPLICA_URL", "https", "http"))
        {
            SessionIdle = TimeSpan.FromMinutes(read.Whole("RUNTIME_GATEWAY_SESSION_IDLE_MINUTES", 60, 1, 43_200)),
            MaxSessionsPerRuntime = read.Whole("RUNTIME_GATEWAY_MAX_SESSIONS_PER_RUNTIME", 5_000, 1, 1_000_000),
            MaxSessionsPerCaller = read.Whole("RUNTIME_GATEWAY_MAX_SESSIONS_PER_CALLER", 1_000, 1, 1_000_000),
            ToolsPin = read.Choice("RUNTIME_TOOLS_PIN", "warn", "off", "warn", "quarantine") switch
            {
                "off" => ToolsPin.Off,
                "quarantine" => ToolsPin.Quarantine,
                _ => ToolsPin.Warn,
            },
            AuditArguments = read.Flag("RUNTIME_GATEWAY_AUDIT_ARGUMENTS", false),
            CallRetention = TimeSpan.FromDays(read.Whole("RUNTIME_GATEWAY_CALL_RETENTION_DAYS", 30, 1, 3650)),
            ProbeInterval = TimeSpan.FromSeconds(read.Whole("RUNTIME_PROBE_INTERVAL_SECONDS", 60, 5, 3600)),
        };
    }

    private static SourcesSettings Sources(SettingsReader read)
    {
        var protocols = read.List("RUNTIME_GIT_PROTOCOLS", ["https"], item => item is "https" or "http" or "file" ? null : "allowed are https, http and file");
        return new SourcesSettings(
            GitOpsRepos.Read(read, protocols),
            protocols,
            read.ExistingFile("RUNTIME_GIT_CREDENTIALS"),
            read.List("RUNTIME_GIT_ALLOWED_HOSTS", ["github.com"]),
            read.ExistingFile("RUNTIME_GIT_CA_FILE"),
            read.Whole("RUNTIME_GIT_MAX_MB", 256, 1, 65_536),
            read.List("RUNTIME_HOST_PATHS", [], item => item.StartsWith('/') ? null : "allowed are absolute paths"),
            read.Networks("RUNTIME_ALLOW_PRIVATE_ADDRESSES"),
            SourcePolicies.Read(read));
    }

    private static string Urls(SettingsReader read)
    {
        var urls = read.Text("ASPNETCORE_URLS") ?? "http://127.0.0.1:8080";
        foreach (var url in urls.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            // Kestrel's own form also takes "*" and "+" for the host.
            if (!Uri.TryCreate(url.Replace("://*", "://0.0.0.0", StringComparison.Ordinal).Replace("://+", "://0.0.0.0", StringComparison.Ordinal), UriKind.Absolute, out var parsed)
                || parsed.Scheme is not ("http" or "https"))
            {
                read.Refuse("ASPNETCORE_URLS", $"holds \"{url}\"; allowed is http://address:port, several separated by ;");
            }
        }

        return urls;
    }

    private static GuardrailsMode Mode(string word) => word switch
    {
        "approve" => GuardrailsMode.Approve,
        "refuse" => GuardrailsMode.Refuse,
        _ => GuardrailsMode.Warn,
    };
}
