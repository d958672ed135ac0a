using McpRuntime.Backends.Dockerfiles;

namespace McpRuntime.Backends.Tests.Dockerfiles;

/// <summary>The same file as BuildKit reads it: no image may be there for it and not for us.</summary>
public sealed class BuildKitTests
{
    private static readonly Dictionary<string, string> NoArguments = new(StringComparer.Ordinal);

    [TestCase("FROM --platform=$BUILDPLATFORM a", "docker.io/library/a")]
    [TestCase("# syntax=docker/dockerfile:1.7\nFROM a\nRUN --mount=type=cache,target=/x --network=none true", "docker.io/library/a")]
    [TestCase("FROM a\nRUN --mount=type=bind,from=quay.io/b,target=/x true", "docker.io/library/a", "quay.io/b")]
    [TestCase("FROM a\nRUN --mount=from=quay.io/b true", "docker.io/library/a", "quay.io/b")]
    [TestCase("FROM a AS c\nFROM scratch\nRUN --mount=FROM=c,target=/x true\nCOPY --link --chmod=700 --from=quay.io/b /a /b", "docker.io/library/a", "quay.io/b")]
    [TestCase("FROM a\nFROM scratch\nRUN --mount=from=0,target=/x true\nCOPY --from=0 /a /b", "docker.io/library/a", "docker.io/library/0")]
    [TestCase("FROM a\nADD --checksum=sha256:aa https://example.org/x /x", "docker.io/library/a")]
    [TestCase("FROM a\nONBUILD COPY --from=quay.io/b /x /x", "docker.io/library/a", "quay.io/b")]
    [TestCase("FROM a\nRUN cat <<< word", "docker.io/library/a")]
    public void Every_image_is_found(string text, params string[] images) =>
        Dockerfile.Parse(text, NoArguments, DockerfileBuilder.BuildKit).Images.Select(i => i.Image.Name).Should().Equal(images);

    [TestCase("# syntax=quay.io/evil/frontend\nFROM a", 1, "frontend")]
    [TestCase("#a comment\n# SYNTAX = docker.io/evil/dockerfile\nFROM a", 2, "frontend")]
    [TestCase("# a1=x\n# escape=`\nFROM a\nRUN x \\\nFROM quay.io/b", 2, "escape")]
    [TestCase("FROM a\nRUN 3<<A\nRUN x \\\nA\nFROM quay.io/b", 2, "here-document")]
    [TestCase("FROM a\nRUN <<1\n1", 2, "here-document")]
    [TestCase("FROM a\nRUN --mount=\"type=bind\",\"from=quay.io/b\" true", 2, "quotes")]
    [TestCase("FROM a\nCOPY --new=x /a /a", 2, "--new")]
    [TestCase("FROM a\nRUN --mount=from=$X true", 2, "RUN --mount from")]
    [TestCase("FROM $TARGETARCH", 1, "TARGETARCH")]
    [TestCase("FROM a AS c\nRUN --mount=from=C,target=/x true", 2, "its own stage")]
    public void What_could_be_read_in_two_ways_is_refused_by_its_line(string text, int line, string named) => Message(text, NoArguments).Should().StartWith($"Dockerfile:{line}: ").And.Contain(named);

    [Test]
    public void A_build_argument_that_chooses_another_frontend_is_refused() =>
        Message("FROM a", new Dictionary<string, string>(StringComparer.Ordinal) { ["BUILDKIT_SYNTAX"] = "quay.io/evil/frontend" }).Should().Contain("BUILDKIT_SYNTAX").And.NotContain("quay.io");

    private static string Message(string text, IReadOnlyDictionary<string, string> arguments) =>
        FluentActions.Invoking(() => Dockerfile.Parse(text, arguments, DockerfileBuilder.BuildKit)).Should().Throw<BackendFault>().Which.Fault.Message;
}
