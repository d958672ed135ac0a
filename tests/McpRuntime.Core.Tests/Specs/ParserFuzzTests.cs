using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Tests.Specs;

internal sealed class ParserFuzzTests
{
    private const int Runs = 10_000;

    private delegate (bool Accepted, string? Text, string? Error) Parse(string text);

    private static readonly Dictionary<string, (Parse Parse, string[] Good)> Parsers = new(StringComparer.Ordinal)
    {
        ["name"] = (t => (RuntimeName.TryParse(t, out var v, out var e), v?.Value, e), ["weather", "a-b-c", "x9"]),
        ["qualified name"] = (t => (RuntimeName.TryParseQualified(t, out var v, out var e), v?.Value, e), ["weather.tools", "a-b-c", "x9.y.z"]),
        ["cpu"] = (t => (CpuQuantity.TryParse(t, out var v, out var e), v.ToString(), e), ["0.5", "500m", "2", "1.25"]),
        ["memory"] = (t => (MemoryQuantity.TryParse(t, out var v, out var e), v.ToString(), e), ["512m", "512Mi", "1g", "1.5GiB", "536870912"]),
        ["image"] = (t => (ImageReference.TryParse(t, out var v, out var e), v?.ToString(), e), ["nginx", "nginx:1.25", "ghcr.io/a/b:c", "localhost:5000/x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]),
        ["environment name"] = (t => (EnvironmentName.TryParse(t, out var v, out var e), v?.Value, e), ["API_KEY", "_x", "a1"]),
        ["endpoint path"] = (t => (EndpointPath.TryParse(t, out var v, out var e), v?.Value, e), ["/", "/mcp", "/a/b;c=1"]),
        ["container path"] = (t => (ContainerPath.TryParse(t, out var v, out var e), v?.Value, e), ["/", "/data", "/var/lib/x"]),
        ["egress host"] = (t => (EgressHost.TryParse(t, out var v, out var e), v?.ToString(), e), ["api.example.com", "*.example.com", "a.b:443"]),
        ["secret reference"] = (t => (SecretReference.TryParse(t, out _, out var e), null, e), ["secret://env/MCPSECRET_A", "secret://file/a/b", "secret://kubernetes/ns/n/k"]),
    };

    private static IEnumerable<string> Names => Parsers.Keys;

    [TestCaseSource(nameof(Names))]
    public void Every_text_is_accepted_or_explained_and_never_throws(string parser) => Seeded.Times(Runs, random =>
    {
        var (parse, good) = Parsers[parser];
        var text = Hostile.Text(random, good);
        var (accepted, shown, error) = parse(text);

        accepted.Should().Be(error is null);
        if (error is not null)
        {
            error.Length.Should().BeInRange(10, 700, "an error says what and where, and stays short whatever was sent");
            error.Should().NotContainAny("\0", "\n", "\r", "\u202e", "\u001b");
        }
        else if (shown is not null)
        {
            parse(shown).Should().Be((true, shown, null), "the normal form is stable");
        }
    });

    [Test]
    public void Every_source_is_accepted_or_explained_and_never_throws() => Seeded.Times(Runs, random =>
    {
        string? Maybe(params string[] good) => random.Chance(0.3) ? null : random.Chance() ? random.Pick<string>(good) : Hostile.Text(random, good);
        var request = new SourceRequest
        {
            Type = Maybe("docker", "github", "compose"),
            Image = Maybe("nginx:1"),
            Command = random.Chance() ? null : [Maybe("a", "--b") ?? "", Hostile.Text(random, ["x"])],
            Repo = Maybe("owner/name", "https://github.com/owner/name.git"),
            Ref = Maybe("main", "feature/x", "v1.0"),
            Branch = random.Chance(0.8) ? null : Maybe("main"),
            Commit = random.Chance(0.8) ? null : Maybe("0123456789abcdef0123456789abcdef01234567"),
            Dockerfile = Maybe("Dockerfile", "docker/Dockerfile"),
            Context = Maybe(".", "server"),
            BuildArgs = random.Chance() ? null : new Dictionary<string, string>(StringComparer.Ordinal) { [Hostile.Text(random, ["A"])] = "b" },
            Registry = Maybe("ghcr.io/owner"),
            PushToRegistry = random.Chance() ? null : random.Chance(),
            ComposeFile = Maybe("services: {}"),
            Path = Maybe("compose.yaml"),
            MainService = Maybe("web"),
        };
        List<ValidationError> errors = [];
        var source = SourceParser.Parse(request, ["github.com"], "source", errors);

        (source is null).Should().Be(errors.Count > 0);
        errors.Should().NotContain(e => !e.Path.StartsWith("source.", StringComparison.Ordinal) || e.Message.Length < 5);
    });
}
