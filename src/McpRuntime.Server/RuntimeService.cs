using McpRuntime.Backends;
using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Core.Guardrails;
using McpRuntime.Gateways.Embedded;
using McpRuntime.Server.Access;
using McpRuntime.Server.Catalogs;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Secrets;
using McpRuntime.Server.Settings;
using McpRuntime.Server.Sources.Rest;
using McpRuntime.Server.Telemetry;

namespace McpRuntime.Server;

/// <summary>What the service is made of: one line a folder.</summary>
internal static class RuntimeService
{
    // SIGTERM: the step in flight and the calls in the gateway end within this, then the lease is released.
    private static readonly TimeSpan Drain = TimeSpan.FromSeconds(30);

    /// <param name="settings">Validated.</param>
    /// <param name="replace">Tests put their own parts here, after everything else is registered.</param>
    public static WebApplication Build(RuntimeSettings settings, Action<WebApplicationBuilder>? replace = null)
    {
        // The content root is the program's own folder, so that no appsettings.json of the working folder changes anything.
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ApplicationName = "mcpruntime", ContentRootPath = AppContext.BaseDirectory });
        builder.Host.UseDefaultServiceProvider(provider => provider.ValidateOnBuild = true);
        builder.WebHost.UseUrls(settings.Urls).ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning).AddFilter("Microsoft.EntityFrameworkCore", LogLevel.Warning);
        builder.Services
            .Configure<HostOptions>(host => host.ShutdownTimeout = Drain)
            .AddSingleton(TimeProvider.System)
            .AddTelemetry(settings);
        if (settings.Enabled)
        {
            // Hosted services start in this order and stop in the reverse: the loop first, the lease after it.
            builder.Services
                .AddRecordsOf(settings)
                .AddAccess(settings)
                .AddCatalogs(settings)
                .AddBackends(settings)
                .AddEmbeddedGateway(services => PartOptions.Gateway(settings, services))
                .AddControl(PartOptions.Control(settings))
                .AddRest();
        }

        replace?.Invoke(builder);
        var app = builder.Build();
        app.UseMiddleware<ProblemMiddleware>();
        app.UseRouting();
        app.MapLiveness();
        app.MapMetrics();
        if (settings.Enabled)
        {
            app.UseMiddleware<AccessMiddleware>();
            app.MapReadiness();
            app.MapRest();
            app.MapMcpGateway();
            app.MapGateways();
            app.MapOpenApi("/openapi/v1.json").AllowAnonymous();
        }

        return app;
    }

    /// <summary>What must hold before the first request: a migrated database and a first token.</summary>
    public static async Task PrepareAsync(WebApplication app, RuntimeSettings settings, CancellationToken ct)
    {
        StartupLog.Write(app.Services.GetRequiredService<ILoggerFactory>(), settings);
        if (!settings.Enabled)
        {
            return;
        }

        RequireParts(settings, app.Services.GetRequiredService<IReadOnlyDictionary<string, IBackend>>());
        await app.Services.MigrateRecordsAsync(ct);
        await app.Services.GetRequiredService<FirstToken>().EnsureAsync(ct);
    }

    /// <summary>The records, with a wrong address or key told as what it is: a wrong setting.</summary>
    public static IServiceCollection AddRecordsOf(this IServiceCollection services, RuntimeSettings settings)
    {
<<<<<<< HEAD
        DatabaseUrl = settings.Storage.DatabaseUrl?.Reveal(),
        DataDirectory = settings.Storage.DataDirectory,
        MasterKey = settings.Storage.MasterKey?.Reveal(),
        MasterKeyFile = settings.Storage.MasterKeyFile,
        SecretsDirectory = settings.Storage.SecretsDirectory,
        DeletedRetention = settings.Storage.DeletedRetention,
    };

    private static ControlOptions ControlOf(RuntimeSettings settings) => new()
    {
        DeletedRetention = settings.Storage.DeletedRetention,
        Planner = PlannerOptions.Default with { PublicUrl = settings.Gateway.PublicUrl ?? new Uri(settings.Urls.Split(';')[0]) },
    };

    private static GatewayOptions GatewayOf(RuntimeSettings settings, MasterKey key) => new()
    {
        SessionKey = key.Derive("gateway-sessions"),
        RelayToken = GuardToken(key),
        PublicUrl = settings.Gateway.PublicUrl,
        AllowedOrigins = settings.Gateway.AllowedOrigins,
        IdleTimeout = settings.Gateway.IdleTimeout,
        TotalTimeout = settings.Gateway.TotalTimeout,
    };

    private static DockerOptions DockerOf(RuntimeSettings settings) => new()
    {
        Host = settings.Docker.Host.ToString(),
        CertificateFolder = settings.Docker.Tls ? settings.Docker.CertificatePath : null,
        SubnetPool = settings.Docker.SubnetPool.ToString(),
        RegistryCredentials = settings.Docker.RegistryCredentials,
        Mode = settings.GuardrailsMode,
    };

    /// <summary>The settings are there when it is enabled: the parser refuses otherwise.</summary>
    private static CodeEngineOptions CodeEngineOf(RuntimeSettings settings) => new()
    {
        ApiKey = settings.CodeEngine.ApiKey!,
        ProjectId = settings.CodeEngine.ProjectId!,
        Region = settings.CodeEngine.Region!,
        Url = settings.CodeEngine.Url,
        IamUrl = settings.CodeEngine.IamUrl,
        RegistrySecret = settings.CodeEngine.RegistrySecret,
        BuildRegistry = settings.CodeEngine.BuildRegistry,
        Visibility = settings.CodeEngine.Visibility,
        Stop = settings.CodeEngine.Stop,
        KubeConfigUrl = settings.CodeEngine.KubeConfigUrl,
        CloudLogsUrl = settings.CodeEngine.CloudLogsUrl,
        RegistryCredentials = settings.Docker.RegistryCredentials,
        PrivateAddresses = settings.Sources.AllowPrivateAddresses,
        Mode = settings.GuardrailsMode,
    };

    private static CodeEngineInstallation CodeEngineInstallationOf(IServiceProvider services)
    {
        var records = services.GetRequiredService<IRecordStore>();
        return new CodeEngineInstallation(records.InstanceIdAsync, (identity, ct) => records.PinIdentityAsync(CodeEngineServices.Name, identity, ct), services.GetRequiredService<KeyedHash>());
    }

    private static DockerInstallation InstallationOf(IServiceProvider services)
    {
        var records = services.GetRequiredService<IRecordStore>();
        return new DockerInstallation(records.InstanceIdAsync, (identity, ct) => records.PinIdentityAsync("docker", identity, ct), services.GetRequiredService<KeyedHash>());
=======
        try
        {
            services.AddRecords(PartOptions.Records(settings));
            return services.AddSingleton(MasterKey.Load(PartOptions.Records(settings), mayCreate: DatabaseAddress.Of(PartOptions.Records(settings)).SqliteFile is not null));
        }
        catch (InvalidOperationException fault)
        {
            throw new InvalidSettings([fault.Message]);
        }
>>>>>>> main
    }

    /// <summary>Backends are found by name; each AddXBackend registers one <see cref="IBackend"/>.</summary>
    private static IServiceCollection AddBackends(this IServiceCollection services, RuntimeSettings settings)
<<<<<<< HEAD
    {
        if (settings.Docker.Enabled)
        {
            services.AddDockerBackend(DockerOf(settings), InstallationOf);
        }

        if (settings.CodeEngine.Enabled)
        {
            services.AddCodeEngineBackend(CodeEngineOf(settings), CodeEngineInstallationOf);
        }

        return services
            .AddSingleton<IReadOnlyDictionary<string, IBackend>>(provider =>
                provider.GetServices<IBackend>().ToDictionary(backend => backend.Name, StringComparer.Ordinal))
            .AddSingleton<IProfiles, BuiltInProfilesOnly>()
            .AddSingleton<IAdmissionContexts, AdmissionContexts>();
    }

    private static void RequireBackends(RuntimeSettings settings, IReadOnlyDictionary<string, IBackend> backends)
=======
>>>>>>> main
    {
        if (settings.Docker.Enabled)
        {
            services.AddDockerGuard(provider => PartOptions.Guard(settings, provider));
            services.AddDockerBackend(PartOptions.Docker(settings), PartOptions.DockerInstallation);
        }

        return services
            .AddSingleton<IReadOnlyDictionary<string, IBackend>>(provider =>
                provider.GetServices<IBackend>().ToDictionary(backend => backend.Name, StringComparer.Ordinal))
            .AddSingleton<IProfiles, BuiltInProfilesOnly>()
            .AddSingleton<IAdmissionContexts, AdmissionContexts>();
    }

    /// <summary>A part that is asked for and not there is a wrong setting, not a silence.</summary>
    private static void RequireParts(RuntimeSettings settings, IReadOnlyDictionary<string, IBackend> backends)
    {
        var missing = new (string Variable, bool Asked, bool There, string What)[]
        {
            ("RUNTIME_DOCKER_ENABLED", settings.Docker.Enabled, backends.ContainsKey("docker"), "docker backend; set it to false"),
            ("RUNTIME_IBM_CODE_ENGINE_ENABLED", settings.CodeEngine.Enabled, backends.ContainsKey("ibm_code_engine"), "ibm_code_engine backend; set it to false"),
            ("RUNTIME_KUBERNETES_ENABLED", settings.Kubernetes.Enabled, backends.ContainsKey("kubernetes"), "kubernetes backend; set it to false"),
            ("RUNTIME_CUSTOM_RESOURCES_ENABLED", settings.Kubernetes.CustomResources, false, "custom resources; set it to false"),
            ("RUNTIME_GATEWAY", !settings.Gateway.Embedded, false, "ContextForge gateway; set it to embedded"),
            ("RUNTIME_GITOPS_REPOS", settings.Sources.GitOpsRepos is not null, false, "Git source; leave it out"),
        }.Where(part => part.Asked && !part.There).Select(part => $"{part.Variable}: this version has no {part.What}").ToList();
        if (missing.Count > 0)
        {
            throw new InvalidSettings(missing);
        }
    }
}
