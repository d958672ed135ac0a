using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Tests.Specs;

internal sealed class ParserTests
{
    private const string Digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [TestCase("weather", true)]
    [TestCase("a", true)]
    [TestCase("a-1", true)]
    [TestCase("Weather", false)]
    [TestCase("-a", false)]
    [TestCase("a-", false)]
    [TestCase("a.b", false)]
    [TestCase("a_b", false)]
    [TestCase("", false)]
    [TestCase("deploy", false)]
    [TestCase("guardrails", false)]
    [TestCase("01jd0000000000000000000000", false)]
    public void A_name_is_a_label_that_no_path_or_id_can_be_taken_for(string text, bool good) => RuntimeName.TryParse(text, out _, out _).Should().Be(good);

    [Test]
    public void A_name_has_at_most_63_characters()
    {
        RuntimeName.TryParse(new string('a', 63), out _, out _).Should().BeTrue();
        RuntimeName.TryParse(new string('a', 64), out _, out _).Should().BeFalse();
    }

    [Test]
    public void A_qualified_name_knows_its_namespace()
    {
        RuntimeName.TryParseQualified("weather.v2.tools", out var name, out _).Should().BeTrue();
        name!.Namespace.Should().Be("tools");
        RuntimeName.TryParseQualified("weather..tools", out _, out _).Should().BeFalse();
        RuntimeName.TryParseQualified("backends", out _, out _).Should().BeFalse();
    }

    [TestCase("0.5", 500_000_000)]
    [TestCase("500m", 500_000_000)]
    [TestCase("2", 2_000_000_000)]
    [TestCase("0.01", 10_000_000)]
    [TestCase("1.25", 1_250_000_000)]
    public void Cores_are_read_to_the_billionth(string text, long nanos)
    {
        CpuQuantity.TryParse(text, out var cpu, out _).Should().BeTrue();
        cpu.NanoCpus.Should().Be(nanos);
    }

    [TestCase("0")]
    [TestCase("-1")]
    [TestCase("1e3")]
    [TestCase("0.001")]
    [TestCase("1025")]
    [TestCase(".5")]
    [TestCase("5.")]
    [TestCase("1 ")]
    [TestCase("１")]
    [TestCase("m")]
    [TestCase("500M")]
    public void What_is_no_amount_of_cpu_is_refused(string text) => CpuQuantity.TryParse(text, out _, out _).Should().BeFalse();

    [TestCase("512m", 536_870_912)]
    [TestCase("512Mi", 536_870_912)]
    [TestCase("512MB", 536_870_912)]
    [TestCase("1g", 1_073_741_824)]
    [TestCase("1.5g", 1_610_612_736)]
    [TestCase("536870912", 536_870_912)]
    [TestCase("8192k", 8_388_608)]
    public void Memory_is_in_binary_units_as_an_engine_reads_it(string text, long bytes)
    {
        MemoryQuantity.TryParse(text, out var memory, out _).Should().BeTrue();
        memory.Bytes.Should().Be(bytes);
    }

    [TestCase("1")]
    [TestCase("5m")]
    [TestCase("17t")]
    [TestCase("99999999999999999999g")]
    [TestCase("1gg")]
    [TestCase("1 g")]
    [TestCase("g")]
    [TestCase("-1g")]
    public void What_is_no_amount_of_memory_is_refused(string text) => MemoryQuantity.TryParse(text, out _, out _).Should().BeFalse();

    [TestCase("nginx", "docker.io/library/nginx:latest")]
    [TestCase("nginx:1.25", "docker.io/library/nginx:1.25")]
    [TestCase("docker.io/nginx", "docker.io/library/nginx:latest")]
    [TestCase("index.docker.io/mcp/fetch", "docker.io/mcp/fetch:latest")]
    [TestCase("mcp/fetch", "docker.io/mcp/fetch:latest")]
    [TestCase("ghcr.io/a/b/c:v1", "ghcr.io/a/b/c:v1")]
    [TestCase("localhost/x", "localhost/x:latest")]
    [TestCase("localhost:5000/x:1", "localhost:5000/x:1")]
    [TestCase("a__b/c--d.e_f", "docker.io/a__b/c--d.e_f:latest")]
    [TestCase("nginx:1@" + Digest, "docker.io/library/nginx@" + Digest)]
    public void An_image_gets_its_full_name(string text, string full)
    {
        ImageReference.TryParse(text, out var image, out var error).Should().BeTrue(error);
        image!.ToString().Should().Be(full);
    }

    [TestCase("-nginx")]
    [TestCase("--privileged")]
    [TestCase("Nginx")]
    [TestCase("a/B")]
    [TestCase("GHCR.io/a")]
    [TestCase("a..b")]
    [TestCase("../a")]
    [TestCase("a b")]
    [TestCase("a:")]
    [TestCase("a@")]
    [TestCase("a@sha256:abc")]
    [TestCase(Digest)]
    [TestCase("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
    [TestCase("https://ghcr.io/a")]
    [TestCase("a//b")]
    [TestCase("a/")]
    [TestCase("/a")]
    [TestCase("a.b:99999/c")]
    [TestCase("a___b")]
    [TestCase("a_-b")]
    [TestCase("a:b:c")]
    [TestCase("a\n")]
    public void What_is_no_image_is_refused(string text) => ImageReference.TryParse(text, out _, out _).Should().BeFalse();

    [TestCase("docker.io/mcp", "mcp/x", true)]
    [TestCase("docker.io/mcp", "docker.io/mcp-evil/x", false)]
    [TestCase("docker.io/mcp/", "mcp/x", true)]
    [TestCase("docker.io", "nginx", true)]
    [TestCase("docker.io/library", "nginx", true)]
    [TestCase("docker.io/library/nginx", "nginx:1", true)]
    [TestCase("docker.io/library/ngin", "nginx", false)]
    [TestCase("index.docker.io/mcp", "mcp/x", true)]
    [TestCase("docker.io", "docker.io.evil.com/x", false)]
    [TestCase("localhost", "localhost:5000/x", false)]
    [TestCase("localhost:5000", "localhost:5000/x", true)]
    [TestCase("ghcr.io", "evil.com/ghcr.io/x", false)]
    [TestCase("", "nginx", false)]
    public void An_allow_list_entry_matches_on_a_path_boundary(string entry, string image, bool within)
    {
        ImageReference.TryParse(image, out var reference, out _).Should().BeTrue();
        reference!.IsWithin(entry).Should().Be(within);
    }

    [Test]
    public void An_empty_allow_list_allows_none_and_a_star_all()
    {
        ImageReference.TryParse("nginx", out var image, out _).Should().BeTrue();
        image!.IsWithinAny([]).Should().BeFalse();
        image.IsWithinAny(["*"]).Should().BeTrue();
    }

    [TestCase("secret://env/MCPSECRET_KEY", true)]
    [TestCase("secret://env/RUNTIME_MASTER_KEY", false)]
    [TestCase("secret://env/MCPSECRET_", false)]
    [TestCase("secret://file/a/b.txt", true)]
    [TestCase("secret://file/../x", false)]
    [TestCase("secret://file//etc/passwd", false)]
    [TestCase("secret://file/.hidden", false)]
    [TestCase("secret://kubernetes/ns/name/key", true)]
    [TestCase("secret://kubernetes/ns/name", false)]
    [TestCase("secret://vault/x", false)]
    [TestCase("SECRET://env/MCPSECRET_KEY", false)]
    public void A_reference_names_only_what_may_be_read(string text, bool good) => SecretReference.TryParse(text, out _, out _).Should().Be(good);

    [Test]
    public void A_mistyped_NAME_equals_value_does_not_show_the_value()
    {
        EnvironmentName.TryParse("TOKEN=hunter2", out _, out var error).Should().BeFalse();
        error.Should().Contain("TOKEN").And.NotContain("hunter2");
    }

    [TestCase("/mcp", true)]
    [TestCase("/", true)]
    [TestCase("mcp", false)]
    [TestCase("http://x/mcp", false)]
    [TestCase("/a?b", false)]
    [TestCase("/a#b", false)]
    [TestCase("/a/../b", false)]
    [TestCase("/%2e%2e", false)]
    [TestCase("//evil.com", false)]
    [TestCase("/a b", false)]
    public void An_endpoint_path_can_be_read_in_one_way_only(string text, bool good) => EndpointPath.TryParse(text, out _, out _).Should().Be(good);

    [TestCase("/data", "/data", true)]
    [TestCase("/data/x", "/data", true)]
    [TestCase("/database", "/data", false)]
    [TestCase("/x", "/", true)]
    [TestCase("/data/", "/data", true)]
    public void A_container_path_is_within_another_at_a_part_boundary(string path, string other, bool within)
    {
        ContainerPath.TryParse(path, out var a, out _).Should().BeTrue();
        ContainerPath.TryParse(other, out var b, out _).Should().BeTrue();
        a!.IsWithin(b!).Should().Be(within);
    }

    [TestCase("data")]
    [TestCase("/data/../etc")]
    [TestCase("/data:/etc")]
    [TestCase("/a//b")]
    [TestCase("/a b")]
    [TestCase("/a,b")]
    public void What_is_no_container_path_is_refused(string text) => ContainerPath.TryParse(text, out _, out _).Should().BeFalse();
}
