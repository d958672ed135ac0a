using McpRuntime.Backends;
using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Backends.Git;
using McpRuntime.Backends.Kubernetes;
using McpRuntime.Gateways;
using McpRuntime.Gateways.ContextForge;
using McpRuntime.Gateways.Embedded;
using McpRuntime.Server.Access;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Catalogs;
using McpRuntime.Server.Control;
using McpRuntime.Server.Outbound;
using McpRuntime.Server.Plans;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Secrets;
using McpRuntime.Server.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using McpRuntime.Server.Sources.CustomResources;
using McpRuntime.Server.Sources.Git;
using McpRuntime.Server.Sources.Rest;
using McpRuntime.Server.Telemetry;

namespace McpRuntime.Server;

/// <summary>What the service is made of: one line a folder.</summary>
internal static class RuntimeService
{
    /// <summary>SIGTERM: how long the calls under way in the gateway may still take.</summary>
    public static readonly TimeSpan Drain = TimeSpan.FromSeconds(30);

    /// <param name="settings">Validated.</param>
    /// <param name="replace">Tests put their own parts here, after everything else is registered.</param>
    public static WebApplication Build(RuntimeSettings settings, Action<WebApplicationBuilder>? replace = null)
    {
        // The content root is the program's own folder, so that no appsettings.json of the working folder changes anything.
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ApplicationName = "mcpruntime", ContentRootPath = AppContext.BaseDirectory });
        builder.Host.UseDefaultServiceProvider(provider => provider.ValidateOnBuild = true);
        builder.WebHost.UseUrls(settings.Urls).ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;

            // Who sends a head or a body drop by drop holds a connection, and is let go; a body's grace is for the first packet's way.
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
        });
        builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning).AddFilter("Microsoft.EntityFrameworkCore", LogLevel.Warning);
        builder.Services
            .Configure<HostOptions>(host => host.ShutdownTimeout = Drain)
            .AddSingleton(TimeProvider.System)
            .AddTelemetry(settings);
        if (settings.Enabled)
        {
            // Hosted services start in this order and stop in the reverse; HandOver sees to it that the loop and then the lease go first.
            builder.Services
                .AddRecordsOf(settings)
                .AddAccess(settings)
                .AddCatalogs(settings)
                .AddGit(PartOptions.Git(settings))
                .AddBackends(settings)
                .AddToolCallAudit(settings)
                .AddGateways(settings)
                .AddControl(PartOptions.Control(settings))
                .AddHostedService<HandOver>()
                .AddHostedService<BackendChecks>()
                .AddApprovals()
                .AddApprovalWebhook(settings)
                .AddGitSources(settings)
                .AddCustomResources(settings)
                .AddOutbound()
                .AddSingleton<PlanWorld>()
                .AddSingleton<Forecast>()
                .AddSingleton<Upgrades>()
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
            ProtectedResource.Map(app);
            app.MapMcpGateway();
            app.MapGateways();
            app.MapRegistry();
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
        await app.Services.GetRequiredService<ProfileStore>().RefreshAsync(ct);
        await app.Services.GetRequiredService<FirstToken>().EnsureAsync(ct);
    }

    /// <summary>The records, with a wrong address or key told as what it is: a wrong setting.</summary>
    public static IServiceCollection AddRecordsOf(this IServiceCollection services, RuntimeSettings settings)
    {
        try
        {
            services.AddRecords(PartOptions.Records(settings));
            return services.AddSingleton(MasterKey.Load(PartOptions.Records(settings), mayCreate: DatabaseAddress.Of(PartOptions.Records(settings)).SqliteFile is not null));
        }
        catch (InvalidOperationException fault)
        {
            throw new InvalidSettings([fault.Message]);
        }
    }

    /// <summary>The embedded gateway serves the traffic, registered in an outer one or not.</summary>
    private static IServiceCollection AddGateways(this IServiceCollection services, RuntimeSettings settings)
    {
        services.AddEmbeddedGateway(with => PartOptions.Gateway(settings, with));
        return settings.Gateway.Embedded
            ? services
            : services
                .AddSingleton<IRegistrationTokens, RegistrationTokens>()
                .AddSingleton<IRegistrationStates, RegistrationStates>()
                .AddContextForge(with => PartOptions.ContextForge(settings, with));
    }

    /// <summary>Backends are found by name; each AddXBackend registers one <see cref="IBackend"/>.</summary>
    private static IServiceCollection AddBackends(this IServiceCollection services, RuntimeSettings settings)
    {
        if (settings.Docker.Enabled)
        {
            services.AddDockerGuard(provider => PartOptions.Guard(settings, provider));
            services.AddDockerBackend(PartOptions.Docker(settings), PartOptions.DockerInstallation);
        }

        if (settings.CodeEngine.Enabled)
        {
            services.AddCodeEngineBackend(PartOptions.CodeEngine(settings), PartOptions.CodeEngineInstallation);
        }

        if (settings.Kubernetes.Enabled)
        {
            services.AddKubernetesOf(settings);
        }

        return services
            .AddSingleton<IReadOnlyDictionary<string, IBackend>>(provider =>
                provider.GetServices<IBackend>().ToDictionary(backend => backend.Name, StringComparer.Ordinal))
            .AddSingleton<IAdmissionContexts, AdmissionContexts>();
    }

    /// <summary>A kubeconfig that can't be used is told as what it is: a wrong setting.</summary>
    private static void AddKubernetesOf(this IServiceCollection services, RuntimeSettings settings)
    {
        try
        {
            services.AddKubernetesBackend(PartOptions.Kubernetes(settings), PartOptions.KubernetesInstallation);
        }
        catch (FormatException fault)
        {
            throw new InvalidSettings([$"RUNTIME_KUBERNETES_KUBECONFIG: {fault.Message}"]);
        }
    }

    /// <summary>A part that is asked for and not there is a wrong setting, not a silence.</summary>
    private static void RequireParts(RuntimeSettings settings, IReadOnlyDictionary<string, IBackend> backends)
    {
        var missing = new (string Variable, bool Asked, bool There, string What)[]
        {
            ("RUNTIME_DOCKER_ENABLED", settings.Docker.Enabled, backends.ContainsKey("docker"), "docker backend; set it to false"),
            ("RUNTIME_IBM_CODE_ENGINE_ENABLED", settings.CodeEngine.Enabled, backends.ContainsKey("ibm_code_engine"), "ibm_code_engine backend; set it to false"),
            ("RUNTIME_KUBERNETES_ENABLED", settings.Kubernetes.Enabled, backends.ContainsKey("kubernetes"), "kubernetes backend; set it to false"),
        }.Where(part => part.Asked && !part.There).Select(part => $"{part.Variable}: this version has no {part.What}").ToList();
        if (missing.Count > 0)
        {
            throw new InvalidSettings(missing);
        }
    }
}
