using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;
using static McpRuntime.Core.Tests.Specs.Requests;

namespace McpRuntime.Core.Tests.Specs;

internal sealed class AdmissionTests
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";

    [Test]
    public void A_plain_request_is_admitted_under_standard_and_normalised()
    {
        var admitted = Admission.Admit(Good with { Tags = ["b", "a", "b"], Volumes = ["/data/"] }, Context()).Admitted();

        admitted.Backend.Should().Be("docker");
        admitted.Spec.Source.Should().Be(new Source.Docker("ghcr.io/acme/weather:1", null));
        admitted.Spec.GuardrailsProfile.Should().Be("standard");
        admitted.Spec.Tags.Should().Equal("a", "b");
        admitted.Spec.Volumes.Should().Equal("/data");
        admitted.Guardrails.Loosened.Should().BeEmpty();
        admitted.Triggers.Should().BeEmpty();
    }

    [Test]
    public void All_errors_come_at_once_and_source_on_backend_comes_first()
    {
        var result = Admission.Admit(
            new DeployRequest
            {
                Name = "Deploy",
                Backend = "ibm_code_engine",
                Source = new SourceRequest { Type = "compose", ComposeFile = "services: {}", MainService = "" },
                GuardrailsProfile = "none",
                Environment = Environment(("1X", "secret-value"), ("OK", "x\0y")),
                Volumes = ["data"],
                EndpointPort = 0,
                EndpointPath = "mcp",
                GatewayTransport = "carrier-pigeon",
                Visibility = "secret",
                Tags = [""],
                TeamId = "",
            },
            Context());

        result.Errors[0].Should().Match<ValidationError>(e => e.Path == "source.type" && e.Message.Contains("compose", StringComparison.Ordinal) && e.Message.Contains("ibm_code_engine", StringComparison.Ordinal));
        result.Paths().Should().BeEquivalentTo(
            "source.type", "source.main_service", "name", "guardrails_profile", "environment", "environment.OK", "volumes", "endpoint_port", "endpoint_path", "gateway_transport", "visibility", "tags", "team_id");
        string.Join('\n', result.Errors).Should().NotContain("secret-value");
    }

    [TestCase("nope", "is not a backend")]
    [TestCase("kubernetes", "RUNTIME_KUBERNETES_ENABLED")]
    public void A_backend_that_is_not_there_is_named_with_what_to_do(string backend, string said) =>
        Admission.Admit(Good with { Backend = backend }, Context()).Errors.Should().Contain(e => e.Path == "backend" && e.Message.Contains(said, StringComparison.Ordinal));

    [TestCase("compose", "docker", true)]
    [TestCase("compose", "ibm_code_engine", false)]
    [TestCase("compose", "kubernetes", false)]
    [TestCase("github", "docker", true)]
    [TestCase("github", "ibm_code_engine", true)]
    [TestCase("github", "kubernetes", false)]
    public void A_source_runs_only_on_a_backend_that_can(string type, string backend, bool can)
    {
        var source = type == "compose" ? new SourceRequest { Type = type, ComposeFile = "services: {}", MainService = "web" } : new SourceRequest { Type = type, Repo = "acme/weather" };
        var result = Admission.Admit(Good with { Source = source, Backend = backend }, Context());
        result.Errors.Any(e => e.Path == "source.type").Should().Be(!can);
    }

    [Test]
    public void Source_and_catalog_entry_together_are_refused()
    {
        Admission.Admit(Good with { CatalogServerId = "acme/weather" }, Context().With(Entry())).Paths().Should().Equal("catalog_server_id");
        Admission.Admit(Good with { Source = null }, Context()).Paths().Should().Equal("source");
    }

    [Test]
    public void A_field_of_another_shape_is_an_error() =>
        Admission.Admit(Good with { Source = Good.Source! with { Repo = "a/b", MainService = "x" } }, Context()).Paths().Should().BeEquivalentTo("source.repo", "source.main_service");

    [TestCase("acme/weather", "https://github.com/acme/weather")]
    [TestCase("https://github.com/acme/weather.git", "https://github.com/acme/weather")]
    [TestCase("https://GitHub.com/acme/weather/", "https://github.com/acme/weather")]
    [TestCase("https://github.com:443/acme/weather", "https://github.com/acme/weather")]
    [TestCase("https://github.com:0443/acme/weather.git", "https://github.com/acme/weather")]
    public void A_repository_is_an_https_url(string sent, string repo) =>
        Admission.Admit(Good with { Source = new SourceRequest { Type = "github", Repo = sent } }, Context()).Admitted().Spec.Source
            .Should().Match<Source.GitHub>(s => s.Repo == repo && s.Ref == "main" && s.Dockerfile == "Dockerfile" && s.Context == ".");

    [TestCase("git@github.com:acme/weather")]
    [TestCase("https://user:hunter2@github.com/acme/weather")]
    [TestCase("http://github.com/acme/weather")]
    [TestCase("ssh://github.com/acme/weather")]
    [TestCase("file:///etc/passwd")]
    [TestCase("https://evil.com/acme/weather")]
    [TestCase("https://github.com/acme")]
    [TestCase("https://github.com:4430/acme/weather")]
    [TestCase("https://github.com:/acme/weather")]
    [TestCase("-acme/weather")]
    [TestCase("acme/../weather")]
    public void A_repository_elsewhere_or_with_credentials_is_refused(string repo)
    {
        var result = Admission.Admit(Good with { Source = new SourceRequest { Type = "github", Repo = repo } }, Context());
        result.Paths().Should().Equal("source.repo");
        result.Errors[0].Message.Should().NotContain("hunter2");
    }

    [Test]
    public void At_most_one_of_ref_branch_and_commit()
    {
        SourceRequest Of(string? reference = null, string? branch = null, string? commit = null) => new() { Type = "github", Repo = "a/b", Ref = reference, Branch = branch, Commit = commit };
        Admission.Admit(Good with { Source = Of("main", "main") }, Context()).Paths().Should().Equal("source.ref");
        Admission.Admit(Good with { Source = Of(commit: "abc") }, Context()).Paths().Should().Equal("source.commit");
        Admission.Admit(Good with { Source = Of(branch: "--upload-pack=x") }, Context()).Paths().Should().Equal("source.branch");
        Admission.Admit(Good with { Source = Of(commit: Commit) }, Context()).Admitted().Spec.Source.Should().Match<Source.GitHub>(s => s.Ref == Commit);
    }

    [Test]
    public void A_build_stays_inside_its_checkout() =>
        Admission.Admit(Good with { Source = new SourceRequest { Type = "github", Repo = "a/b", Context = "../..", Dockerfile = "/etc/passwd" } }, Context())
            .Paths().Should().BeEquivalentTo("source.context", "source.dockerfile");

    [Test]
    public void Compose_is_either_a_text_or_a_file_in_a_repository()
    {
        SourceRequest Of(string? file, string? repo, string? path) => new() { Type = "compose", ComposeFile = file, Repo = repo, Path = path, MainService = "web" };
        Admission.Admit(Good with { Source = Of("services: {}", "a/b", null) }, Context()).Paths().Should().Equal("source.compose_file");
        Admission.Admit(Good with { Source = Of(null, "a/b", null) }, Context()).Paths().Should().Equal("source.path");
        Admission.Admit(Good with { Source = Of(null, "a/b", "deploy/compose.yaml") }, Context()).Admitted().Spec.Source.Should().Match<Source.Compose>(s => s.Path == "deploy/compose.yaml" && s.Ref == "main");
    }

    [TestCase("quay.io/acme/x")]
    [TestCase("ghcr.io.evil.com/x")]
    public void An_image_outside_the_allow_list_is_refused(string image)
    {
        Admission.Admit(Good with { Source = new() { Type = "docker", Image = image } }, Context()).Paths().Should().Equal("source.image");
        Admission.Admit(Good with { Source = new() { Type = "docker", Image = image } }, Context() with { AllowedRegistries = ["*"] }).Admitted();
    }

    [Test]
    public void An_empty_allow_list_allows_no_image() => Admission.Admit(Good, Context() with { AllowedRegistries = [] }).Paths().Should().Equal("source.image");

    [Test]
    public void Names_from_resources_and_git_carry_a_namespace_and_those_from_rest_none()
    {
        var custom = Operator with { Source = "crd:cluster" };
        Admission.Admit(Good with { Name = "weather.tools" }, Context(custom)).Admitted().Name.Should().Be("weather.tools");
        Admission.Admit(Good with { Name = "weather.tools" }, Context()).Paths().Should().Equal("name");
    }

    [Test]
    public void References_are_kept_as_references_and_held_to_their_place()
    {
        var custom = Operator with { Source = "crd:cluster" };
        var environment = Environment(("A", "secret://env/MCPSECRET_A"), ("F", "secret://file/f"), ("K", "secret://kubernetes/tools/n/k"));
        var request = Good with { Name = "weather.tools", TeamId = "blue", Environment = environment };

        Admission.Admit(request, Context(custom)).Admitted().Spec.Environment.Values.Should().AllBeOfType<EnvironmentValue.Reference>();
        Admission.Admit(request with { Name = "weather.other" }, Context(custom)).Paths().Should().Equal("environment.K");
        Admission.Admit(request with { Name = "weather" }, Context()).Paths().Should().Equal("environment.K");
        Admission.Admit(request with { TeamId = null }, Context(custom)).Paths().Should().Equal("environment.F");
        Admission.Admit(Good with { Environment = Environment(("A", "Secret://env/RUNTIME_MASTER_KEY")) }, Context()).Paths().Should().Equal("environment.A");
    }

    [Test]
    public void Too_many_or_too_long_variables_are_refused()
    {
        Admission.Admit(Good with { Environment = Environment([.. Enumerable.Range(0, 257).Select(i => ($"V{i}", ""))]) }, Context()).Paths().Should().Equal("environment");
        Admission.Admit(Good with { Environment = Environment(("V", new string('x', (64 * 1024) + 1))) }, Context()).Paths().Should().Equal("environment.V");
        Admission.Admit(Good with { Environment = Environment([.. Enumerable.Range(0, 17).Select(i => ($"V{i}", new string('x', 64 * 1024)))]) }, Context()).Paths().Should().Equal("environment");
        Admission.Admit(Good with { Environment = Environment(("V", new string('x', 64 * 1024))) }, Context()).Admitted();
    }

    [TestCase("/srv")]
    [TestCase("/")]
    [TestCase("/database")]
    [TestCase("/data/../etc")]
    public void A_volume_outside_the_allowed_mounts_is_refused(string volume) => Admission.Admit(Good with { Volumes = [volume] }, Context()).Paths().Should().Equal("volumes");

    [TestCase("/proc/x")]
    [TestCase("/sys")]
    [TestCase("/dev/shm")]
    [TestCase("/")]
    public void No_profile_allows_a_volume_over_the_kernels_own_trees(string volume) =>
        Admission.Admit(Good with { GuardrailsProfile = "unrestricted", Volumes = [volume] }, Context(Admin)).Paths().Should().Equal("volumes");

    [Test]
    public void A_team_of_others_is_forbidden_and_team_visibility_needs_a_team()
    {
        Admission.Admit(Good with { TeamId = "red" }, Context()).Should().Match<AdmissionResult>(r => r.Forbidden && r.Admitted == null);
        Admission.Admit(Good with { TeamId = "red" }, Context(Admin)).Admitted();
        Admission.Admit(Good with { Visibility = "team" }, Context()).Paths().Should().Equal("team_id");
        Admission.Admit(Good with { Visibility = "team", TeamId = "blue" }, Context()).Admitted().Spec.Visibility.Should().Be(Visibility.Team);
    }

    [Test]
    public void Metadata_is_bounded()
    {
        Dictionary<string, string> Of(int count, int length) => Enumerable.Range(0, count).ToDictionary(i => $"k{i}", _ => new string('v', length), StringComparer.Ordinal);
        Admission.Admit(Good with { Metadata = Of(65, 1) }, Context()).Paths().Should().Equal("metadata");
        Admission.Admit(Good with { Metadata = Of(1, 4097) }, Context()).Paths().Should().Equal("metadata");
        Admission.Admit(Good with { Metadata = Of(64, 4096) }, Context()).Admitted().Spec.Metadata.Should().HaveCount(64);
        Admission.Admit(Good with { Tags = [.. Enumerable.Range(0, 65).Select(i => $"t{i}")] }, Context()).Paths().Should().Equal("tags");
    }

    [Test]
    public void A_weakened_control_passes_waits_or_is_refused_by_mode()
    {
        var weakened = new ControlReport(Control.Pids, ControlOutcome.Weakened, Message: "pids are a node setting: raise it there");
        Admission.Admit(Good, Context(report: weakened)).Admitted().Triggers.Should().BeEmpty();
        Admission.Admit(Good, Context(mode: GuardrailsMode.Refuse, report: weakened)).Errors.Should().ContainSingle()
            .Which.Should().Be(new ValidationError("guardrails.resources.max_pids", "pids are a node setting: raise it there"));
        Admission.Admit(Good, Context(mode: GuardrailsMode.Approve, report: weakened)).Paths().Should().Equal("guardrails.resources.max_pids");
        Admission.Admit(Good, Context(mode: GuardrailsMode.Approve, approvals: Policy, report: weakened)).Admitted().Triggers.Should().ContainSingle().Which.Rule.Should().Be("weakened");
        Admission.Admit(Good with { GuardrailsOverrides = new() { Mode = GuardrailsMode.Refuse } }, Context(report: weakened)).Paths().Should().Equal("guardrails.resources.max_pids");
    }

    [Test]
    public void A_refused_control_is_refused_in_every_mode([Values] GuardrailsMode mode) =>
        Admission.Admit(Good, Context(mode: mode, approvals: Policy, report: new ControlReport(Control.Seccomp, ControlOutcome.Refused, Message: "no such profile")))
            .Errors.Should().ContainSingle().Which.Message.Should().Be("no such profile");
}
