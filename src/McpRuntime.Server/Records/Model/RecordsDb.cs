using System.Text;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace McpRuntime.Server.Records.Model;

/// <summary>The one model. Its two subclasses exist so that each database has migrations of its own.</summary>
internal abstract class RecordsDb(DbContextOptions options) : DbContext(options)
{
    public DbSet<RuntimeRow> Runtimes => Set<RuntimeRow>();

    public DbSet<RevisionRow> Revisions => Set<RevisionRow>();

    public DbSet<StatusRow> Statuses => Set<StatusRow>();

    public DbSet<TagRow> Tags => Set<TagRow>();

    public DbSet<EventRow> Events => Set<EventRow>();

    public DbSet<ApprovalRow> Approvals => Set<ApprovalRow>();

    public DbSet<AuditRow> Audit => Set<AuditRow>();

    public DbSet<TokenRow> Tokens => Set<TokenRow>();

    public DbSet<IdempotencyRow> Idempotency => Set<IdempotencyRow>();

    public DbSet<LeaseRow> Leases => Set<LeaseRow>();

    public DbSet<SettingRow> Settings => Set<SettingRow>();

    public DbSet<RouteRow> Routes => Set<RouteRow>();

    public DbSet<BridgeRow> Bridges => Set<BridgeRow>();

    public DbSet<ProfileRow> Profiles => Set<ProfileRow>();

    public DbSet<ProfileVersionRow> ProfileVersions => Set<ProfileVersionRow>();

    public DbSet<WebhookRow> Webhooks => Set<WebhookRow>();

    public DbSet<CatalogCopyRow> CatalogCopies => Set<CatalogCopyRow>();

    public DbSet<GitSourceRow> GitSources => Set<GitSourceRow>();

    public DbSet<GatewaySessionRow> GatewaySessions => Set<GatewaySessionRow>();

    public DbSet<ToolInventoryRow> ToolInventories => Set<ToolInventoryRow>();

    public DbSet<ToolCallRow> ToolCalls => Set<ToolCallRow>();

    public override Task<int> SaveChangesAsync(bool acceptAllChangesOnSuccess, CancellationToken cancellationToken = default)
    {
        // Here, not at each writer: a writer that forgot to raise the token would overwrite another's change unseen.
        foreach (var entry in ChangeTracker.Entries<RuntimeRow>().Where(entry => entry.State == EntityState.Modified))
        {
            entry.Entity.Revision++;
        }

        return base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken);
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<RuntimeRow>(table =>
        {
            table.ToTable("runtimes").HasKey(row => row.Id);
            table.Property(row => row.Revision).IsConcurrencyToken();
            table.Property(row => row.Desired).HasConversion(Words<Core.Records.DesiredState>());
            table.Property(row => row.Visibility).HasConversion(Words<Core.Specs.Visibility>());
            table.HasIndex(row => row.Name).IsUnique().HasFilter("deleted_at IS NULL").HasDatabaseName("ux_runtimes_live_name");
            table.HasIndex(row => row.DueAt).HasDatabaseName("ix_runtimes_due");
            table.HasIndex(row => new { row.Owner, row.DeletedAt }).HasDatabaseName("ix_runtimes_owner");
            table.HasIndex(row => new { row.Profile, row.ProfileVersion }).HasDatabaseName("ix_runtimes_profile");
            table.HasIndex(row => new { row.ServingProfile, row.ServingProfileVersion }).HasDatabaseName("ix_runtimes_serving_profile");
        });
        modelBuilder.Entity<RevisionRow>(table =>
        {
            table.ToTable("revisions").HasKey(row => new { row.RuntimeId, row.Generation });
            table.Property(row => row.State).HasConversion(Words<Core.Records.RevisionState>());
            table.HasOne<RuntimeRow>().WithMany().HasForeignKey(row => row.RuntimeId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<StatusRow>(table =>
        {
            table.ToTable("runtime_status").HasKey(row => row.RuntimeId);
            table.Property(row => row.Revision).IsConcurrencyToken();
            table.Property(row => row.Status).HasConversion(Words<Core.Records.RuntimeStatus>());
            table.HasOne<RuntimeRow>().WithOne().HasForeignKey<StatusRow>(row => row.RuntimeId).OnDelete(DeleteBehavior.Cascade);
            table.HasIndex(row => row.Status).HasDatabaseName("ix_runtime_status_status");
        });
        modelBuilder.Entity<TagRow>(table =>
        {
            table.ToTable("runtime_tags").HasKey(row => new { row.RuntimeId, row.Tag });
            table.HasOne<RuntimeRow>().WithMany().HasForeignKey(row => row.RuntimeId).OnDelete(DeleteBehavior.Cascade);
            table.HasIndex(row => row.Tag).HasDatabaseName("ix_runtime_tags_tag");
        });
        modelBuilder.Entity<EventRow>(table =>
        {
            table.ToTable("events").HasKey(row => new { row.RuntimeId, row.Sequence });
            table.HasIndex(row => row.At).HasDatabaseName("ix_events_at");
            table.HasOne<RuntimeRow>().WithMany().HasForeignKey(row => row.RuntimeId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<ApprovalRow>(table =>
        {
            table.ToTable("approvals").HasKey(row => row.Id);
            table.HasOne<RuntimeRow>().WithMany().HasForeignKey(row => row.RuntimeId).OnDelete(DeleteBehavior.Cascade);
            table.HasIndex(row => new { row.RuntimeId, row.Generation }).HasDatabaseName("ix_approvals_runtime");
            table.HasIndex(row => new { row.Status, row.ExpiresAt }).HasDatabaseName("ix_approvals_status");
            table.HasIndex(row => row.EscalateAt).HasDatabaseName("ix_approvals_escalate");
        });
        modelBuilder.Entity<ProfileRow>(table =>
        {
            table.ToTable("profiles").HasKey(row => row.Name);
            table.Property(row => row.Version).IsConcurrencyToken();
        });
        modelBuilder.Entity<ProfileVersionRow>().ToTable("profile_versions").HasKey(row => new { row.Name, row.Version });
        modelBuilder.Entity<WebhookRow>(table =>
        {
            table.ToTable("webhooks").HasKey(row => row.Id);
            table.HasIndex(row => row.NextTryAt).HasDatabaseName("ix_webhooks_next_try");
        });
        modelBuilder.Entity<IdempotencyRow>(table =>
        {
            table.ToTable("idempotency").HasKey(row => new { row.Subject, row.Key });
            table.HasIndex(row => row.CreatedAt).HasDatabaseName("ix_idempotency_created");
        });
        modelBuilder.Entity<TokenRow>(table =>
        {
            table.ToTable("tokens").HasKey(row => row.Id);
            table.HasIndex(row => row.Hash).IsUnique().HasDatabaseName("ux_tokens_hash");
        });
        modelBuilder.Entity<RouteRow>(table =>
        {
            table.ToTable("routes").HasKey(row => row.Id);
            table.HasIndex(row => row.Name).IsUnique().HasDatabaseName("ux_routes_name");
            table.HasIndex(row => row.RecordId).HasDatabaseName("ix_routes_record");
        });
        modelBuilder.Entity<BridgeRow>().ToTable("bridges").HasKey(row => row.Server);
        modelBuilder.Entity<CatalogCopyRow>().ToTable("catalog_copies").HasKey(row => row.Url);
        modelBuilder.Entity<GitSourceRow>(table =>
        {
            table.ToTable("git_sources").HasKey(row => row.Name);
            table.Property(row => row.Version).IsConcurrencyToken();
        });
        modelBuilder.Entity<GatewaySessionRow>(table =>
        {
            table.ToTable("gateway_sessions").HasKey(row => row.Hash);
            table.HasIndex(row => new { row.RecordId, row.Subject, row.LastUsedAt }).HasDatabaseName("ix_gateway_sessions_record");
            table.HasIndex(row => row.LastUsedAt).HasDatabaseName("ix_gateway_sessions_last_used");
        });
        modelBuilder.Entity<ToolInventoryRow>(table =>
        {
            table.ToTable("tool_inventories").HasKey(row => new { row.RuntimeId, row.Generation, row.Hash });
            table.HasOne<RuntimeRow>().WithMany().HasForeignKey(row => row.RuntimeId).OnDelete(DeleteBehavior.Cascade);
        });
        modelBuilder.Entity<ToolCallRow>(table =>
        {
            table.ToTable("tool_calls").HasKey(row => row.Sequence);
            table.HasIndex(row => new { row.RuntimeId, row.Sequence }).HasDatabaseName("ix_tool_calls_runtime");
            table.HasIndex(row => row.At).HasDatabaseName("ix_tool_calls_at");
        });
        modelBuilder.Entity<AuditRow>(table =>
        {
            table.ToTable("audit").HasKey(row => row.Sequence);
            table.HasIndex(row => row.At).HasDatabaseName("ix_audit_at");
        });
        modelBuilder.Entity<LeaseRow>().ToTable("leases").HasKey(row => row.Name);
        modelBuilder.Entity<SettingRow>().ToTable("settings").HasKey(row => row.Key);
        NameColumns(modelBuilder);
    }

    private static void NameColumns(ModelBuilder modelBuilder)
    {
        foreach (var entity in modelBuilder.Model.GetEntityTypes())
        {
            foreach (var property in entity.GetProperties())
            {
                property.SetColumnName(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
            }
        }
    }

    /// <summary>Enums are stored as words (<c>pending_approval</c>): readable with psql, and safe against a reordered enum.</summary>
    private static ValueConverter<T, string> Words<T>()
        where T : struct, Enum
        => new(value => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString()), word => Parse<T>(word));

    private static T Parse<T>(string word)
        where T : struct, Enum
        => Enum.Parse<T>(new StringBuilder(word).Replace("_", "").ToString(), ignoreCase: true);
}

internal sealed class SqliteRecordsDb(DbContextOptions<SqliteRecordsDb> options) : RecordsDb(options);

internal sealed class PostgreSqlRecordsDb(DbContextOptions<PostgreSqlRecordsDb> options) : RecordsDb(options);
