using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Backends.Dockerfiles;

namespace McpRuntime.Backends.Tests.Dockerfiles;

/// <summary>What a Dockerfile is told by us before an engine sees it.</summary>
public sealed class DockerfileTests
{
    private static readonly Dictionary<string, string> NoArguments = new(StringComparer.Ordinal);

    [Test]
    public void Every_image_is_found_whatever_it_is_made_of()
    {
        const string Text = """
            # syntax=docker/dockerfile:1
            # a comment
            ARG TAG=1 BASE=nginx
            FROM ${BASE}:${TAG} AS build
            RUN echo a \
              # between
              && echo b
            FROM --platform=linux/amd64 ghcr.io/acme/run:${NONE:-7}
            COPY --from=build /a /a
            COPY --from=0 /a /b
            COPY --chown=1:1 --from=quay.io/tools/x@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa /x /x
            FROM scratch
            FROM build
            """;

        var parsed = Dockerfile.Parse(Text, new Dictionary<string, string>(StringComparer.Ordinal) { ["TAG"] = "1.25" });

        parsed.Images.Select(i => (i.Image.ToString(), i.Line)).Should().Equal(
            ("docker.io/library/nginx:1.25", 4),
            ("ghcr.io/acme/run:7", 8),
            ($"quay.io/tools/x@sha256:{new string('a', 64)}", 11));
        parsed.Marked(new Dictionary<string, string>(StringComparer.Ordinal) { ["a.b/c"] = "d \"e\"" }).Split('\n').Where(l => l.StartsWith("LABEL", StringComparison.Ordinal)).Should().HaveCount(4);
    }

    [TestCase("FROM a\nRUN --mount=type=cache,target=/x true", 2, "--mount")]
    [TestCase("FROM a\n\nRUN <<EOF\ntrue\nEOF", 3, "here-document")]
    [TestCase("FROM a\nCOPY --link a b", 2, "--link")]
    [TestCase("FROM a\nCOPY --chmod=700 a b", 2, "--chmod")]
    [TestCase("FROM --platform=$BUILDPLATFORM a", 1, "BUILDPLATFORM")]
    public void What_needs_BuildKit_is_refused_by_name_and_line(string text, int line, string named) =>
        Message(text).Should().StartWith($"Dockerfile:{line}: ").And.Contain(named).And.Contain("BuildKit");

    [TestCase("FROM a\nADD http://169.254.169.254/latest/meta-data /x")]
    [TestCase("FROM a\nADD [\"http://10.0.0.1/\", \"/x\"]")]
    [TestCase("FROM a\nADD h\"ttp:\"//10.0.0.1/ /x")]
    [TestCase("FROM a\nADD http:/\\/10.0.0.1/ /x")]
    [TestCase("FROM a\nADD git@github.com:acme/x /x")]
    [TestCase("FROM a\nARG U\nADD $U /x")]
    [TestCase("FROM a\nONBUILD ADD http://10.0.0.1/ /x")]
    [TestCase("FROM a\nADD \\\nhttp://10.0.0.1/ /x")]
    [TestCase("# escape=`\nFROM a\nADD `\nhttp://10.0.0.1/ /x")]
    public void What_the_engine_would_fetch_by_itself_is_refused(string text) => Message(text).Should().Contain("COPY");

    [TestCase("ARG B=quay.io/x A=\"q B=docker.io/y w\"\nFROM $B")]
    [TestCase("ARG \"B\"=quay.io/x\nFROM $B")]
    [TestCase("FROM a\nCOPY --chown=1\\ 2 --from=quay.io/x /a /a")]
    [TestCase("FROM $A$B")]
    [TestCase("FROM")]
    [TestCase("RUN true")]
    [TestCase("FROM a\nINCLUDE x")]
    [TestCase("FROM a\nCOPY --from=$X a b")]
    [TestCase("FROM UPPER/case")]
    [TestCase("")]
    public void What_is_wrong_is_told_with_its_line(string text) => Message(text).Should().StartWith("Dockerfile:");

    [Test]
    public void Ten_thousand_files_neither_crash_nor_take_long_and_no_address_gets_through()
    {
        string[] pieces = ["FROM ", "a", "scratch", " AS b", "\n", "\\\n", "# escape=`\n", "ARG X=", "${X:-y}", "$X", "ADD ", "http://h/", " /x", "COPY --from=", "RUN ", "<<E", "ONBUILD ", "[\"", "\"]", "\"", "'", "`", "\0", "é", " ", "\t", "#", "--mount", "LABEL a=b", "$", "${", "\r\n", "\uFEFF"];
        var random = new Random(20_261_125);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        for (var i = 0; i < 10_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 40)).Select(_ => pieces[random.Next(pieces.Length)]));
            try
            {
                var parsed = Dockerfile.Parse(text, NoArguments);
                parsed.Stages.Should().NotBeEmpty();
                var again = Dockerfile.Parse(parsed.Marked(new Dictionary<string, string>(StringComparer.Ordinal) { ["k"] = "v" }), NoArguments);
                again.Images.Select(m => m.Image).Should().Equal(parsed.Images.Select(m => m.Image), $"our labels change nothing else of input {i}: {text}");
            }
            catch (BackendFault fault)
            {
                fault.Fault.Reason.Should().Be("BadDockerfile");
            }
        }

        watch.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20));
    }

    [TestCase("node_modules", "node_modules/a/b", true)]
    [TestCase("node_modules", "src/node_modules/a", false)]
    [TestCase("**/node_modules", "src/node_modules/a", true)]
    [TestCase("*.md\n!README.md", "README.md", false)]
    [TestCase("*.md\n!README.md", "NOTES.md", true)]
    [TestCase("*.md", "docs/NOTES.md", false)]
    [TestCase("/bin/\n# no", "bin/x", true)]
    [TestCase("a?c", "abc", true)]
    [TestCase("**", "anything/at/all", true)]
    [TestCase("(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false)]
    public void A_dockerignore_means_what_it_means_to_the_engines_own_client(string patterns, string path, bool ignored) =>
        new DockerIgnore(patterns).Ignores(path).Should().Be(ignored);

    private static string Message(string text)
    {
        var fault = FluentActions.Invoking(() => Dockerfile.Parse(text, NoArguments)).Should().Throw<BackendFault>().Which.Fault;
        fault.Reason.Should().Be("BadDockerfile");
        return fault.Message;
    }
}
