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

    [TestCase("FROM a\nRUN x \\\\\nFROM quay.io/b", 2, "ends with \\\\")]
    [TestCase("FROM a\nRUN x \\\\ \t\nFROM quay.io/b", 2, "ends with \\\\")]
    [TestCase("FROM a\nRUN x \\\n  y \\\\\nFROM quay.io/b", 3, "ends with \\\\")]
    [TestCase("FROM a\nRUN x \\\f\nFROM quay.io/b", 2, "U+000C")]
    [TestCase("FROM a\nRUN x \\\v\nFROM quay.io/b", 2, "U+000B")]
    [TestCase("FROM a\nRUN x \\\u00A0\nFROM quay.io/b", 2, "U+00A0")]
    [TestCase("FROM a\nRUN x \\\r\r\nFROM quay.io/b", 2, "U+000D")]
    [TestCase("FROM a\nCOPY\f--from=quay.io/b /a /b", 2, "U+000C")]
    [TestCase("FROM a\nCOPY --chown=1\u00A0--from=quay.io/b /a /b", 2, "U+00A0")]
    [TestCase("FROM a\nCOPY --chown=1\u2003--from=quay.io/b /a /b", 2, "U+2003")]
    [TestCase("FROM a\nRUN x \\\n\f\nFROM quay.io/b", 3, "U+000C")]
    [TestCase("\f# a comment\nFROM a", 1, "U+000C")]
    [TestCase("# escape=`\nFROM a\nADD `\nhttp://10.0.0.1/ /x", 1, "escape")]
    [TestCase("# a=b\n\n # ESCAPE = `\nFROM a\nRUN x `\nFROM quay.io/b", 3, "escape")]
    [TestCase("FROM a\nRUN 3<<A\nRUN x\nA", 2, "here-document")]
    [TestCase("FROM a\nRUN <<1\nRUN x\n1", 2, "here-document")]
    [TestCase("FROM a\nRUN ${X:- \\<<E}\nFROM scratch AS b\nE}\nCOPY --from=b /a /b", 2, "here-document")]
    [TestCase("FROM a\nONBUILD INCLUDE x", 2, "ONBUILD")]
    [TestCase("FROM a\nONBUILD ONBUILD COPY --from=quay.io/b /a /b", 2, "ONBUILD")]
    [TestCase("FROM a\nONBUILD FROM quay.io/b", 2, "ONBUILD")]
    [TestCase("FROM a AS b\nCOPY --from=B /a /b", 2, "its own stage")]
    [TestCase("FROM a AS b\nFROM c AS b\nONBUILD COPY --from=b /a /b", 3, "its own stage")]
    public void What_one_builder_reads_otherwise_than_another_is_refused_for_both(string text, int line, string named)
    {
        Message(text).Should().StartWith($"Dockerfile:{line}: ").And.Contain(named);
        Message(text, DockerfileBuilder.BuildKit).Should().StartWith($"Dockerfile:{line}: ").And.Contain(named);
    }

    [TestCase("FROM a\r\nRUN x \\\r\n  y\\ \\ \r\n\r\n  z\r\nFROM b\r\n", "docker.io/library/a", "docker.io/library/b")]
    [TestCase("# escape=\\\nFROM a\n# a\u00A0comment \\\\\nRUN x\n# escape=`", "docker.io/library/a")]
    [TestCase("FROM a AS b\nFROM b AS c\nCOPY --from=B /a /b\nFROM c", "docker.io/library/a")]
    [TestCase("FROM b AS b\nONBUILD USER 1", "docker.io/library/b")]
    public void What_every_builder_reads_alike_is_read(string text, params string[] images) => Dockerfile.Parse(text, NoArguments).Images.Select(i => i.Image.Name).Should().Equal(images);

    [TestCase("COPY --from=x /a /b", "COPY --from=PIN /a /b")]
    [TestCase("ONBUILD COPY --chown=1 --from=x /a /b", "ONBUILD COPY --chown=1 --from=PIN /a /b")]
    [TestCase("COPY \\\n# --from=x\n--from=x \\\n /a /b", "COPY \\\n# --from=x\n--from=PIN \\\n /a /b")]
    [TestCase("COPY --chown=--from=x --from=x /--from=x /b", "COPY --chown=--from=x --from=PIN /--from=x /b")]
    [TestCase("COPY --chown=--from=xy --from=x /a /b", "COPY --chown=--from=xy --from=PIN /a /b")]
    public void A_flag_is_pinned_and_nothing_that_looks_like_one(string text, string pinned) =>
        Pin($"FROM scratch\n{text}").Should().Be($"FROM scratch\nLABEL \n{pinned.Replace("PIN", "x@sha256:1", StringComparison.Ordinal)}\n");

    [TestCase("COPY --from=x --from=x /a /b")]
    [TestCase("COPY --from=x --from=x")]
    [TestCase("COPY --from=\\\nx /a /b")]
    [TestCase("COPY --from=\\\nx --from=x /b")]
    [TestCase("COPY --from=\\\nx /a --from=x /b")]
    [TestCase("COPY --chown=1\\\n--from=x --from=\\\nx /a /b")]
    public void A_flag_that_is_not_there_once_is_not_pinned(string text) =>
        FluentActions.Invoking(() => Pin($"FROM scratch\n{text}")).Should().Throw<BackendFault>().Which.Fault.Message.Should().StartWith("Dockerfile:2: --from=x has to be pinned");

    [Test]
    public void Ten_thousand_files_neither_crash_nor_take_long_and_no_address_gets_through()
    {
        string[] pieces = ["FROM ", "a", "scratch", " AS b", "\n", "\\\n", "# escape=`\n", "ARG X=", "${X:-y}", "$X", "ADD ", "http://h/", " /x", "COPY --from=", "RUN ", "<<E", "ONBUILD ", "[\"", "\"]", "\"", "'", "`", "\0", "é", " ", "\t", "#", "--mount", "LABEL a=b", "$", "${", "\r\n", "\uFEFF", "\\\\\n", "\f", "\v", "\u00A0"];
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

    private static string Pin(string text) =>
        Dockerfile.Parse(text, NoArguments).Marked(NoArguments, new Dictionary<string, string>(StringComparer.Ordinal) { ["docker.io/library/x:latest"] = "x@sha256:1" });

    private static string Message(string text, DockerfileBuilder builder = DockerfileBuilder.Classic)
    {
        var fault = FluentActions.Invoking(() => Dockerfile.Parse(text, NoArguments, builder)).Should().Throw<BackendFault>().Which.Fault;
        fault.Reason.Should().Be("BadDockerfile");
        return fault.Message;
    }
}
