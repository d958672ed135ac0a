using McpRuntime.Backends;
using McpRuntime.ContextForgeDouble.Driver;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways.ContextForge;
using McpRuntime.Gateways.Embedded;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using Microsoft.Extensions.Logging.Abstractions;
using NSubstitute;

namespace McpRuntime.Gateways.Tests.ContextForge;

/// <summary>One runtime of one installation, and the provider of its registration, over the double.</summary>
internal sealed class RegistrationWorld : IDisposable
{
    private static readonly Endpoint Endpoint = new("mcp-container", 3001, null, null);

    private readonly ContextForgeWire _wire;
    private readonly RegistrySnapshot _snapshot;
    private readonly ContextForgeGateway _gateway;

    public RegistrationWorld(Uri url, string instance = "01instance0000000000000000", string record = "01record000000000000000000", string token = ContextForgeProcess.Token, ContextForgeOptions? options = null)
    {
        Identity = new RuntimeIdentity(instance, record);
        options ??= new ContextForgeOptions
        {
            Url = url,
            Token = new SecretText(token),
            PublicUrl = new Uri("https://mcp.example.org/"),
            InstanceId = _ => Task.FromResult(instance),
            Timeout = TimeSpan.FromSeconds(5),
            // Every look looks: what a test did a moment ago must be seen.
            ListFor = TimeSpan.Zero,
            AwayFor = TimeSpan.Zero,
        };
        _wire = new ContextForgeWire(options, TimeProvider.System);
        _snapshot = new RegistrySnapshot(_wire, options, TimeProvider.System);
        Provider = new Registrations(_wire, _snapshot, Tokens, Routes, options);
        var embedded = new EmbeddedGateway(Routes, Substitute.For<IProber>(), TimeProvider.System, NullLogger<EmbeddedGateway>.Instance);
        _gateway = new ContextForgeGateway(embedded, Provider, options);
    }

    public RuntimeIdentity Identity { get; }

    public MemoryTokens Tokens { get; } = new();

    public MemoryRoutes Routes { get; } = new();

    public Registrations Provider { get; }

    public Resource Wanted(bool running = true, Func<RuntimeSpec, RuntimeSpec>? with = null)
    {
        var spec = new RuntimeSpec { Source = new Source.Docker("docker.io/mcp/sample:1", null), GuardrailsProfile = "standard", Tags = ["Team Red", "x"] };
        var revision = new Revision { Generation = 3, Spec = with is null ? spec : with(spec), Guardrails = null!, State = RevisionState.Serving, ContentHash = "h" };
        var input = new CompileInput(Identity, "sample", revision, 0, false, new Dictionary<string, SecretText>(StringComparer.Ordinal), new KeyedHash([1]));
        return _gateway.Compile(input, Endpoint, running).Single(resource => resource.Kind is ResourceKind.Registration);
    }

    public async Task<IReadOnlyList<SeenResource>> SeenAsync() =>
        (await Provider.ObserveAsync(Identity, default)).Match(known => known.Resources, unknown => throw new InvalidOperationException(unknown.Fault.Message));

    public async Task<Fault> FaultOfPutAsync(Resource? resource = null) =>
        (await Provider.PutAsync(Identity, resource ?? Wanted(), default)).Should().BeOfType<Outcome.Faulted>().Subject.Fault;

    /// <summary>As the planner would: looks, and puts while it is not as wanted. Gives how many puts that took.</summary>
    public async Task<int> ConvergeAsync(Resource? resource = null)
    {
        var wanted = resource ?? Wanted();
        for (var puts = 0; puts < 10; puts++)
        {
            var seen = (await SeenAsync()).FirstOrDefault(there => there.Id == wanted.Id);
            for (var looks = 0; seen?.Health is Health.Starting && looks < 10; looks++)
            {
                seen = (await SeenAsync()).First(there => there.Id == wanted.Id);
            }

            if (seen is { Health: Health.Serving } && seen.Fingerprint == wanted.Fingerprint)
            {
                return puts;
            }

            await Provider.PutAsync(Identity, wanted, default);
        }

        throw new InvalidOperationException("It does not converge.");
    }

    public void Dispose()
    {
        _snapshot.Dispose();
        _wire.Dispose();
    }
}

/// <summary>Tokens by their marker, which the test sets.</summary>
internal sealed class MemoryTokens : IRegistrationTokens
{
    public string Marker { get; set; } = "1.0";

    public bool Revoked { get; private set; }

    public Task<Func<string, string>> MarkersAsync(string? only, CancellationToken ct) => Task.FromResult<Func<string, string>>(_ => Marker);

    public Task<SecretText> OpenAsync(string recordId, string marker, CancellationToken ct) => Task.FromResult(new SecretText($"mcprt_{recordId}_{marker}"));

    public Task RevokeAsync(string recordId, CancellationToken ct)
    {
        Revoked = true;
        return Task.CompletedTask;
    }
}
