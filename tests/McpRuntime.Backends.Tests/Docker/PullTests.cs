using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;

namespace McpRuntime.Backends.Tests.Docker;

/// <summary>Images that come from a registry: a real one on loopback, and the real engine. Needs Debian's docker-registry.</summary>
[Category("Docker")]
public sealed class PullTests
{
    private DockerWorld _world = null!;
    private RealRegistry _open = null!;
    private RealRegistry _locked = null!;
    private string _credentials = "";

    [OneTimeSetUp]
    public async Task Open()
    {
        _open = await RealRegistry.StartAsync(locked: false);
        _locked = await RealRegistry.StartAsync(locked: true);
        _credentials = Path.GetTempFileName();
        await File.WriteAllTextAsync(_credentials, $$"""{"credentials": [{"registry": "{{_locked.Address}}", "username": "{{RealRegistry.User}}", "password": "{{RealRegistry.Password}}", "teams": ["a"]}]}""");
        _world = await DockerWorld.OpenAsync(new DockerOptions { Host = RealEngine.Socket, SubnetPool = "10.216.0.0/16", RegistryCredentials = _credentials });
    }

    [OneTimeTearDown]
    public async Task Close()
    {
        await _world.DisposeAsync();
        await _open.DisposeAsync();
        await _locked.DisposeAsync();
        File.Delete(_credentials);
    }

    [Test]
    public async Task A_tag_becomes_the_registrys_digest_the_pull_is_observed_and_the_last_runtime_takes_the_image_along()
    {
        var image = await PublishAsync(_open, "pulled");
        var (id, revision) = await ResolvedAsync(image, team: null);
        var compiled = Compile(id, revision);

        revision.Facts!.PinIsRegistryDigest.Should().BeTrue();
        revision.Facts.Image.Should().BeNull();
        (await PullAsync(id, compiled.Running.Single())).Should().BeTrue();
        revision = revision with { Facts = (await ResolveAsync(revision)).Match(r => r.Facts, f => throw new AssertionException(f.Fault.ToString())) };
        revision.Facts!.Image!.ExposedPorts.Should().Equal(8080);
        var whole = Compile(id, revision);
        foreach (var resource in whole.Running)
        {
            (await _world.Backend.PutAsync(id, resource, default)).ShouldBeDone();
        }

        var seen = await SeeAsync(id);
        seen.Select(s => (s.Id, s.Fingerprint)).Should().BeEquivalentTo(whole.Running.Select(r => (r.Id, r.Fingerprint)));
        var all = (await _world.Backend.ObserveAllAsync(default)).Match(k => k.ByRecord, u => throw new AssertionException(u.Fault.Message));
        all[id.RecordId].Select(s => (s.Id, s.Fingerprint)).Should().BeEquivalentTo(whole.Running.Select(r => (r.Id, r.Fingerprint)));

        foreach (var resource in whole.Running.Reverse())
        {
            (await _world.Backend.RemoveAsync(id, resource.Id, resource.Kind, default)).ShouldBeDone();
        }

        (await _world.Engine.GetAsync($"images/{revision.Facts.Pin}/json")).Should().BeNull();
    }

    [Test]
    public async Task Of_two_runtimes_on_one_image_only_the_last_takes_it_along()
    {
        var image = await PublishAsync(_open, "shared");
        var (first, revision) = await ResolvedAsync(image, team: null);
        var resource = Compile(first, revision).Running.Single();
        var second = Given.Identity(_world.InstanceId);
        (await PullAsync(first, resource)).Should().BeTrue();
        (await PullAsync(second, resource)).Should().BeTrue();

        (await _world.Backend.RemoveAsync(first, resource.Id, resource.Kind, default)).ShouldBeDone();
        var between = await _world.Engine.GetAsync($"images/{revision.Facts!.Pin}/json");
        (await _world.Backend.RemoveAsync(second, resource.Id, resource.Kind, default)).ShouldBeDone();

        between.Should().NotBeNull();
        (await _world.Engine.GetAsync($"images/{revision.Facts.Pin}/json")).Should().BeNull();
    }

    [Test]
    public async Task A_locked_registry_is_opened_by_the_teams_credentials_and_by_nobody_elses()
    {
        var image = await PublishAsync(_locked, "private");

        var (id, revision) = await ResolvedAsync(image, team: "a");
        var denied = await ResolveAsync(RevisionOf(image, "b"));
        (await PullAsync(id, Compile(id, revision).Running.Single())).Should().BeTrue();
        // Now that the engine has it, the other team still must not.
        var stillDenied = await ResolveAsync(RevisionOf(image, "b"));

        denied.Should().BeOfType<Resolution.Faulted>().Which.Fault.Should().Match<Fault>(f => f.Kind == FaultKind.Refused && f.Message.Contains("RUNTIME_REGISTRY_CREDENTIALS"));
        stillDenied.Should().BeOfType<Resolution.Faulted>().Which.Fault.Reason.Should().Be("ImageNotFound");
        var image1 = Compile(id, revision).Running.Single();
        (await _world.Backend.RemoveAsync(id, image1.Id, image1.Kind, default)).ShouldBeDone();
    }

    [Test]
    public async Task A_mirror_is_asked_and_pulled_from_first_and_one_that_has_it_not_is_passed_over()
    {
        var there = await PublishAsync(_open, "mirrored");
        var backend = _world.Make(_world.Options with { Mirrors = [new("docker.io", "127.0.0.1:9/none"), new("docker.io", _open.Address)] });
        var id = Given.Identity(_world.InstanceId);
        var revision = RevisionOf("docker.io/acme/mirrored:1", null);

        var facts = (await backend.ResolveAsync(revision, default)).Match(r => r.Facts, f => throw new AssertionException(f.Fault.ToString()));
        facts.Pin.Should().StartWith(there.Replace(":1", "@sha256:", StringComparison.Ordinal));
        var image = backend.Compile(Given.Input(id, revision with { Facts = facts }, _world.Hash)).Running.Single();
        await Eventually.HoldsAsync(async () => await backend.PutAsync(id, image, default) is Outcome.Done);

        (await backend.RemoveAsync(id, image.Id, image.Kind, default)).ShouldBeDone();
        (await _world.Engine.GetAsync($"images/{facts.Pin}/json")).Should().BeNull();
    }

    [TestCase("docker.io=mirror.example/hub", "docker.io/library/nginx:1", "mirror.example/hub/library/nginx:1")]
    [TestCase("ghcr.io/acme=mirror.example:5000", "ghcr.io/acme/x:1", "mirror.example:5000/x:1")]
    [TestCase("ghcr.io/acme=mirror.example", "ghcr.io/acme-evil/x:1", null)]
    public void A_mirror_is_of_a_prefix_on_a_path_boundary(string mirror, string image, string? there)
    {
        _ = Core.Specs.ImageReference.TryParse(image, out var reference, out _);
        Registries.RegistryMirror.Parse(mirror)!.There(reference!)?.ToString().Should().Be(there);
    }

    [Test]
    public async Task What_the_registry_does_not_have_is_refused_for_good()
    {
        var resolution = await ResolveAsync(RevisionOf($"{_open.Address}/acme/none:1", null));

        resolution.Should().BeOfType<Resolution.Faulted>().Which.Fault.Should().Match<Fault>(f => f.Kind == FaultKind.Refused && f.Reason == "ImageNotFound");
    }

    [Test]
    public async Task A_digest_that_is_gone_is_a_refused_pull()
    {
        var id = Given.Identity(_world.InstanceId);
        var facts = new ResolvedFacts($"{_open.Address}/acme/none@sha256:{new string('b', 64)}", true, null, null);
        var image = Compile(id, RevisionOf($"{_open.Address}/acme/none:1", null) with { Facts = facts }).Running.Single();
        _ = await _world.Backend.PutAsync(id, image, default);
        await Eventually.HoldsAsync(async () => (await SeeAsync(id)).Count == 0);

        (await _world.Backend.PutAsync(id, image, default)).ShouldBeFault().Should().Match<Fault>(f => f.Kind == FaultKind.Refused && f.Reason == "ImageNotFound");
    }

    /// <summary>Pushed, and taken off the engine again.</summary>
    private async Task<string> PublishAsync(RealRegistry registry, string name)
    {
        var image = await _world.Engine.ImportAsync($"{registry.Address}/acme/{name}:1", null, "EXPOSE 8080");
        await _world.Engine.PushAsync(image, registry.LoginHeader);
        await _world.Engine.DeleteAsync($"images/{image}?force=1");
        (await _world.Engine.GetAsync($"images/{image}/json")).Should().BeNull();
        return image;
    }

    private async Task<bool> PullAsync(RuntimeIdentity id, Resource image)
    {
        var outcome = await _world.Backend.PutAsync(id, image, default);
        await Eventually.HoldsAsync(async () => (await SeeAsync(id)).Any(s => s.Id == image.Id && s.Health == Health.Serving && s.Fingerprint == image.Fingerprint));
        return outcome is Outcome.InProgress or Outcome.Done;
    }

    private static Revision RevisionOf(string image, string? team)
    {
        var revision = Given.Revision(image);
        return revision with { Spec = revision.Spec with { TeamId = team } };
    }

    private async Task<(RuntimeIdentity Id, Revision Revision)> ResolvedAsync(string image, string? team)
    {
        var revision = RevisionOf(image, team);
        var facts = (await ResolveAsync(revision)).Match(r => r.Facts, f => throw new AssertionException(f.Fault.ToString()));
        return (Given.Identity(_world.InstanceId), revision with { Facts = facts });
    }

    private Task<Resolution> ResolveAsync(Revision revision) => _world.Backend.ResolveAsync(revision, default);

    private Compiled Compile(RuntimeIdentity id, Revision revision) => _world.Backend.Compile(Given.Input(id, revision, _world.Hash));

    private async Task<IReadOnlyList<SeenResource>> SeeAsync(RuntimeIdentity id) => (await _world.Backend.ObserveAsync(id, default)).Resources();
}
