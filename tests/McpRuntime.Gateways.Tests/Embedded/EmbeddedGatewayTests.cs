using McpRuntime.Backends;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways.Embedded;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using Microsoft.Extensions.Logging.Abstractions;
using NSubstitute;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class EmbeddedGatewayTests
{
    private static readonly RuntimeIdentity Identity = new("instance", "01aaaaaaaaaaaaaaaaaaaaaaaa");
    private static readonly Endpoint Endpoint = new("mcp-container", 3001, null, null);
    private static readonly SeenResource Container = new() { Id = "mcp-container", Kind = ResourceKind.Container, Fingerprint = "f", Instance = "i1", Address = new UpstreamAddress("10.0.0.2", 3001) };

    private readonly ManualTime _time = new();
    private Dictionary<string, Handshake> _words = null!;
    private MemoryRoutes _routes = null!;
    private EmbeddedGateway _gateway = null!;

    [SetUp]
    public void SetUp()
    {
        _words = [];
        _routes = new MemoryRoutes();
        var prober = Substitute.For<IProber>();
        prober.Results(Identity.RecordId).Returns(_ => _words);
        _gateway = new EmbeddedGateway(_routes, prober, _time, NullLogger<EmbeddedGateway>.Instance);
    }

    [Test]
    public void A_route_is_wanted_only_while_it_runs_and_only_where_asked_for()
    {
        _gateway.Compile(Input(), Endpoint, running: true).Should().ContainSingle().Which.Should().BeEquivalentTo(new { Kind = ResourceKind.Route, BoundTo = "mcp-container", Generation = 3L });
        _gateway.Compile(Input(), Endpoint, running: false).Should().BeEmpty();
        _gateway.Compile(Input(spec => spec with { RegisterGateway = false }), Endpoint, running: true).Should().BeEmpty();
    }

    [Test]
    public async Task What_was_put_is_seen_with_the_fingerprint_that_was_wanted()
    {
        Passed("i1", "/mcp");
        var wanted = Bound(Container);

        (await _gateway.PutAsync(Identity, wanted, default)).Should().BeOfType<Outcome.Done>();

        (await SeenAsync()).Should().ContainSingle().Which.Should().BeEquivalentTo(new { wanted.Id, wanted.Fingerprint, Kind = ResourceKind.Route, Instance = "i1" });
        (await _routes.ListAsync(default)).Should().ContainSingle().Which.Should().BeEquivalentTo(
            new { Name = "sample", Path = "/mcp", Transport = "STREAMABLEHTTP", Visibility = "team", TeamId = "red", CreatedBy = "alice", RegisteredAt = _time.GetUtcNow() });
    }

    [Test]
    public void Everything_that_is_asked_for_is_in_the_fingerprint()
    {
        var reference = Bound(Container).Fingerprint;

        Bound(Container).Fingerprint.Should().Be(reference);
        string[] others =
        [
            Bound(Container with { Instance = "i2" }).Fingerprint,
            Bound(Container with { Address = new UpstreamAddress("10.0.0.3", 3001) }).Fingerprint,
            Bound(Container with { Address = new UpstreamAddress("10.0.0.2", 3001, "guard:8610") }).Fingerprint,
            Bound(Container, spec => spec with { GatewayName = "other" }).Fingerprint,
            Bound(Container, spec => spec with { Visibility = Visibility.Private }).Fingerprint,
            Bound(Container, spec => spec with { TeamId = "blue" }).Fingerprint,
            Bound(Container, spec => spec with { Tags = ["x"] }).Fingerprint,
            Bound(Container, endpoint: Endpoint with { Path = "/mcp" }).Fingerprint,
            Bound(Container, endpoint: Endpoint with { Transport = GatewayTransport.Sse }).Fingerprint,
        ];
        others.Should().OnlyHaveUniqueItems().And.NotContain(reference);
    }

    [Test]
    public async Task A_route_whose_path_is_not_what_was_probed_since_is_put_again_once()
    {
        await _gateway.PutAsync(Identity, Bound(Container), default);
        Passed("i1", "/sse", "SSE");

        (await SeenAsync()).Should().ContainSingle().Which.DifferingField.Should().Be("path");
        await _gateway.PutAsync(Identity, Bound(Container), default);

        (await SeenAsync()).Should().ContainSingle().Which.Fingerprint.Should().Be(Bound(Container).Fingerprint);
        (await _routes.ListAsync(default)).Should().ContainSingle().Which.Should().BeEquivalentTo(new { Path = "/sse", Transport = "SSE" });
    }

    [Test]
    public async Task A_word_on_another_incarnation_says_nothing_of_this_route()
    {
        Passed("i1", "/mcp");
        await _gateway.PutAsync(Identity, Bound(Container), default);
        Passed("i2", "/other");

        (await SeenAsync()).Should().ContainSingle().Which.DifferingField.Should().BeNull();
    }

    [Test]
    public async Task Another_runtimes_name_is_never_taken()
    {
        _routes.Add("sample", new Uri("http://10.9.9.9:1"));

        var outcome = await _gateway.PutAsync(Identity, Bound(Container), default);

        outcome.Should().BeOfType<Outcome.Faulted>().Which.Fault.Reason.Should().Be("GatewayNameTaken");
        (await _routes.FindAsync("sample", default))!.Address.Host.Should().Be("10.9.9.9");
    }

    [Test]
    public async Task While_the_database_is_away_nothing_is_said_to_be_gone()
    {
        _routes.Away = new Refusal(RefusalKind.Unavailable, "away", "away");

        (await _gateway.ObserveAsync(Identity, default)).Should().BeOfType<ProviderView.Unknown>();
        (await _gateway.ObserveAllAsync(default)).Should().BeOfType<OwnedView.Unknown>();
        (await _gateway.RemoveAsync(Identity, "route", ResourceKind.Route, default)).Should().BeOfType<Outcome.Faulted>().Which.Fault.Kind.Should().Be(FaultKind.Transient);
    }

    [Test]
    public async Task Removing_is_idempotent()
    {
        await _gateway.PutAsync(Identity, Bound(Container), default);
        var id = EmbeddedGateway.RouteId(Identity);

        (await _gateway.RemoveAsync(Identity, id, ResourceKind.Route, default)).Should().BeOfType<Outcome.Done>();
        (await _gateway.RemoveAsync(Identity, id, ResourceKind.Route, default)).Should().BeOfType<Outcome.Done>();

        (await SeenAsync()).Should().BeEmpty();
    }

    private void Passed(string instance, string path, string transport = "STREAMABLEHTTP") =>
        _words["mcp-container"] = new Handshake(instance, HandshakeVerdict.Passed, 0, _time.GetUtcNow(), Path: path, Transport: transport, Tools: ["echo"]);

    private async Task<IReadOnlyList<SeenResource>> SeenAsync() =>
        (await _gateway.ObserveAsync(Identity, default)).Match(known => known.Resources, unknown => throw new InvalidOperationException(unknown.Fault.Message));

    private Resource Bound(SeenResource target, Func<RuntimeSpec, RuntimeSpec>? with = null, Endpoint? endpoint = null)
    {
        var resource = _gateway.Compile(Input(with), endpoint ?? Endpoint, running: true).Single();
        var (body, fingerprint) = resource.Body.Bind(target, resource.Fingerprint);
        return resource with { Body = body, Fingerprint = fingerprint };
    }

    private static CompileInput Input(Func<RuntimeSpec, RuntimeSpec>? with = null)
    {
        var spec = new RuntimeSpec { Source = new Source.Docker("docker.io/mcp/sample:1", null), GuardrailsProfile = "standard", Visibility = Visibility.Team, TeamId = "red", Tags = ["a"] };
        var revision = new Revision { Generation = 3, Spec = with is null ? spec : with(spec), Guardrails = null!, State = RevisionState.Serving, ContentHash = "h" };
        return new CompileInput(Identity, "sample", revision, 0, false, new Dictionary<string, SecretText>(StringComparer.Ordinal), new KeyedHash([1])) { CreatedBy = "alice" };
    }
}
