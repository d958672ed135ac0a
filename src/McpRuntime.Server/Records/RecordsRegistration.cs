using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways;
using McpRuntime.Gateways.Stdio;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace McpRuntime.Server.Records;

internal static class RecordsRegistration
{
    /// <summary>
    /// The records and the lease. Call it before whatever acts under the lease is added: hosted services stop in the reverse order,
    /// and the lease is released last. <see cref="IAdmissionContexts"/> comes from elsewhere.
    /// </summary>
    public static IServiceCollection AddRecords(this IServiceCollection services, RecordsOptions options)
    {
        var address = DatabaseAddress.Of(options);
        Directory.CreateDirectory(options.DataDirectory);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<Random>();
        services.AddSingleton(options);
        services.AddSingleton(address);
        services.AddSingleton(_ => MasterKey.Load(options, mayCreate: address.SqliteFile is not null));
        services.AddSingleton(Opener(address));
        services.AddSingleton(with => new Database(
            with.GetRequiredService<Func<RecordsDb>>(),
            address.SqliteFile is not null,
            with.GetRequiredService<TimeProvider>(),
            with.GetRequiredService<Random>(),
            with.GetRequiredService<ILogger<Database>>()));
        services.AddSingleton<Schema>();
        services.AddSingleton<Installation>();
        services.AddSingleton(with => new EnvironmentVault(
            new Sealer(with.GetRequiredService<MasterKey>().Derive("environment")),
            new SecretReferences(options.SecretsDirectory, with.GetService<IClusterSecrets>()),
            with.GetRequiredService<MasterKey>().Hash("secret-version")));
        services.AddSingleton(with => new SpecVault(new Sealer(with.GetRequiredService<MasterKey>().Derive("spec"))));
        services.AddSingleton<RevisionVaults>();
        services.AddSingleton<ContentHash>();
        services.AddSingleton<RevisionReader>();
        services.AddSingleton<Drafts>();
        services.AddSingleton<IdempotencyKeys>();
        services.AddSingleton<IDesiredState, Door>();
        services.AddSingleton<IRecordStore, RecordStore>();
        services.AddSingleton<IRuntimeQueries, RuntimeQueries>();
        services.AddSingleton<IApprovalQueries, ApprovalQueries>();
        services.AddSingleton<ITokenStore, TokenStore>();
        services.AddSingleton<IAuditLog, AuditLog>();
        services.AddSingleton<History>();
        services.AddSingleton<Abandonment>();
        services.AddSingleton<Adoption>();
        services.AddSingleton<Patience>();
        services.AddSingleton<IRouteTable, RouteTable>();
        if (address.SqliteFile is { } file)
        {
            services.AddSingleton(_ => new LifeFiles($"{file}.life-"));
        }

        services.AddSingleton<IBridgeTable>(with => new BridgeTable(with.GetRequiredService<Database>(), with.GetService<LifeFiles>(), with.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ISessionStore, SessionStore>();
        services.AddSingleton<ToolInventories>();
        services.AddSingleton<IToolPins>(with => with.GetRequiredService<ToolInventories>());

        // Fingerprints of compiled resources; see CompileInput.
        services.AddSingleton(with => with.GetRequiredService<MasterKey>().Hash("fingerprint"));
        services.AddSingleton(with => new Lease(
            with.GetRequiredService<Database>(),
            options.Lease,
            address.SqliteFile is { } path ? new LeaseFile($"{path}.lease") : null,
            with.GetRequiredService<TimeProvider>(),
            with.GetRequiredService<ILogger<Lease>>()));
        services.AddSingleton<ILease>(with => with.GetRequiredService<Lease>());
        services.AddHostedService(with => with.GetRequiredService<Lease>());
        return services;
    }

    /// <summary>Before the host starts: brings the schema up, and checks that the master key is this database's.</summary>
    public static Task MigrateRecordsAsync(this IServiceProvider services, CancellationToken ct) => services.GetRequiredService<Schema>().MigrateAsync(ct);

    /// <summary>Makes contexts; pooled, since a context costs more than most of our queries.</summary>
    internal static Func<RecordsDb> Opener(DatabaseAddress address, params IInterceptor[] interceptors)
    {
        if (address.SqliteFile is not null)
        {
            var sqlite = new DbContextOptionsBuilder<SqliteRecordsDb>().UseSqlite(address.ConnectionString).AddInterceptors([SqlitePragmas.Instance, .. interceptors]);
            var pool = new PooledDbContextFactory<SqliteRecordsDb>(Common(sqlite).Options);
            return pool.CreateDbContext;
        }
        else
        {
            var postgres = new DbContextOptionsBuilder<PostgreSqlRecordsDb>().UseNpgsql(address.ConnectionString).AddInterceptors(interceptors);
            var pool = new PooledDbContextFactory<PostgreSqlRecordsDb>(Common(postgres).Options);
            return pool.CreateDbContext;
        }
    }

    // The migrations are written by hand, so there is no snapshot to compare the model with; a test compares the schemas themselves.
    private static DbContextOptionsBuilder<T> Common<T>(DbContextOptionsBuilder<T> builder)
        where T : RecordsDb
        => builder.ConfigureWarnings(warnings => warnings.Ignore(RelationalEventId.PendingModelChangesWarning));
}
