using McpRuntime.Core.Approvals;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Control;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Server.Tests.Records;

/// <summary>The records as the service composes them, on one database. A second house on the same database is a second process.</summary>
internal sealed class RecordsHouse : IAsyncDisposable
{
    public static readonly byte[] KeyBytes = [.. Enumerable.Range(1, 32).Select(number => (byte)number)];

    private readonly ServiceProvider _services;

    private RecordsHouse(RecordsOptions options, TimeProvider time, IInterceptor[] interceptors)
    {
        Options = options;
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton(time);
        services.AddSingleton<IAdmissionContexts>(with => new Contexts(this, with.GetRequiredService<ProfileStore>()));
        services.AddSingleton<IWakeUp>(Woken);
        services.AddRecords(options);
        services.AddApprovals();
        services.AddSingleton(RecordsRegistration.Opener(DatabaseAddress.Of(options), interceptors));
        _services = services.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true });
    }

    public RecordsOptions Options { get; }

    public ApprovalPolicy? Approvals { get; set; }

    /// <summary>What is in the catalog now.</summary>
    public Dictionary<string, CatalogEntry> Catalog { get; } = new(StringComparer.Ordinal);

    /// <summary>Backends that the settings have switched off.</summary>
    public HashSet<string> SwitchedOff { get; } = new(StringComparer.Ordinal);

    public WakeUps Woken { get; } = new();

    public IDesiredState Door => Get<IDesiredState>();

    public IRecordStore Store => Get<IRecordStore>();

    public IRuntimeQueries Queries => Get<IRuntimeQueries>();

    public Lease Lease => Get<Lease>();

    public static async Task<RecordsHouse> OpenAsync(string? url, string folder, TimeProvider time, Func<RecordsOptions, RecordsOptions>? change = null, params IInterceptor[] interceptors)
    {
        var options = new RecordsOptions { DatabaseUrl = url, DataDirectory = folder, MasterKey = Convert.ToBase64String(KeyBytes) };
        var house = new RecordsHouse(change?.Invoke(options) ?? options, time, interceptors);
        await house._services.MigrateRecordsAsync(CancellationToken.None);
        return house;
    }

    public T Get<T>()
        where T : notnull
        => _services.GetRequiredService<T>();

    /// <summary>The lease taken, as a fresh installation's only process takes it: at the first look.</summary>
    public async Task<LeaseEpoch> LeadAsync()
    {
        await Lease.LookAsync(CancellationToken.None);
        return Lease.Current ?? throw new InvalidOperationException("The lease is another's.");
    }

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    internal sealed class WakeUps : IWakeUp
    {
        private readonly List<string> _ids = [];

        public IReadOnlyList<string> Ids
        {
            get
            {
                lock (_ids)
                {
                    return [.. _ids];
                }
            }
        }

        public void Wake(string recordId)
        {
            lock (_ids)
            {
                _ids.Add(recordId);
            }
        }
    }

    private sealed class Contexts(RecordsHouse house, ProfileStore profiles) : IAdmissionContexts
    {
        private static readonly string[] Names = ["docker", "kubernetes"];

        private static readonly BackendTraits Docker = new(true, "RUNTIME_DOCKER_ENABLED", true, true, (_, _) => []);

        public AdmissionContext For(Caller caller) => new()
        {
            Caller = caller,
            DefaultBackend = "docker",
            Backends = Names.ToDictionary(name => name, name => Docker with { Enabled = !house.SwitchedOff.Contains(name) }, StringComparer.Ordinal),
            FindCatalogEntry = id => house.Catalog.GetValueOrDefault(id),
            Catalog = [.. house.Catalog.Values],
            FindProfile = profiles.Find,
            AllowedRegistries = ["*"],
            DefaultMode = GuardrailsMode.Warn,
            Approvals = house.Approvals,
        };

        public Task RefreshAsync(CancellationToken ct) => profiles.RefreshAsync(ct);
    }
}
