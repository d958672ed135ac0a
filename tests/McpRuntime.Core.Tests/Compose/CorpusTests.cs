using System.Diagnostics;
using McpRuntime.Core.Compose;
using McpRuntime.Core.Specs;
using static McpRuntime.Core.Tests.Specs.Requests;

namespace McpRuntime.Core.Tests.Compose;

/// <summary>Compose files as people write them, and as attackers do: each is accepted, or refused with its line and what to do.</summary>
/// <remarks>The last line of each file says what it is: <c># accepted; main: web; env: A=1</c> or <c># refused; line: 5; says: …</c>.</remarks>
internal sealed class CorpusTests
{
    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Compose", "Corpus");

    private static IEnumerable<string> Accepted => Named("accepted-");

    private static IEnumerable<string> Refused => Named("refused-");

    [Test]
    public void The_corpus_is_here() => (Accepted.Count() + Refused.Count()).Should().BeGreaterThanOrEqualTo(60);

    [TestCaseSource(nameof(Accepted))]
    public void Is_accepted(string name)
    {
        var (text, says) = Read(name);
        var admitted = Admission.Admit(Request(text, says), Context()).Admitted();

        var source = admitted.Spec.Source.Should().BeOfType<Source.Compose>().Subject;
        source.MainService.Should().Be("web");
        source.Images.Should().NotBeEmpty();
        source.Images.Values.Should().OnlyContain(image => image.Contains("acme/", StringComparison.Ordinal));
    }

    [TestCaseSource(nameof(Refused))]
    public void Is_refused_in_no_time_with_its_line(string name)
    {
        var (text, says) = Read(name);
        var clock = Stopwatch.StartNew();
        var result = Admission.Admit(Request(text, says), Context());

        clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(1));
        result.Admitted.Should().BeNull();
        var place = says["line"] == "0" ? "" : $"compose.yaml:{says["line"]}: ";
        result.Errors.Should().Contain(e => e.Message.StartsWith(place, StringComparison.Ordinal) && e.Message.Contains(says["says"], StringComparison.Ordinal));
    }

    [Test]
    public void What_is_done_another_way_is_said()
    {
        var reading = ComposeParser.Parse("services:\n  web:\n    image: acme/a:1\n    container_name: x\n    ports: [\"80:80\"]\n", new Dictionary<string, ComposeVariable>());

        reading.Errors.Should().BeEmpty();
        reading.File!.Notes.Should().SatisfyRespectively(
            first => first.Should().StartWith("compose.yaml:4: service \"web\": container_name"),
            second => second.Should().StartWith("compose.yaml:5: service \"web\": ports: nothing is published"));
    }

    [Test]
    public void A_variable_that_the_file_does_not_use_is_an_error() =>
        Admission.Admit(
            Good with { Source = new SourceRequest { Type = "compose", ComposeFile = "services: {web: {image: acme/a:1}}" }, Environment = Environment(("TOKEN", "c4n4ry")) },
            Context()).Errors.Should().ContainSingle().Which.Should().Match<ValidationError>(e => e.Path == "environment.TOKEN" && !e.Message.Contains("c4n4ry", StringComparison.Ordinal));

    [Test]
    public void No_error_shows_what_a_variable_holds()
    {
        const string File = """
            services:
              web:
                image: ${X}
                user: ${X}
                hostname: ${X}
                platform: ${X}
                stop_signal: ${X}
                cpus: ${X}
                mem_limit: ${X}
                restart: ${X}
                ports: ["${X}"]
                volumes: ["${X}", "a:${X}"]
                tmpfs: ["${X}", "/a:size=${X}"]
                cap_add: ["${X}"]
                working_dir: ${X}
                networks: ["${X}"]
                depends_on: {"a": {condition: "${X}"}}
            """;
        var errors = ComposeParser.Parse(File, new Dictionary<string, ComposeVariable> { ["X"] = new(new SecretText("C4n4ry !")) }).Errors;

        errors.Count.Should().BeGreaterThan(10);
        string.Join('\n', errors).Should().NotContain("C4n4ry");
    }

    [Test]
    public void A_value_with_dollars_is_filled_in_once() =>
        ComposeParser.Parse("services: {web: {image: acme/a:1, environment: {A: \"${X}\"}}}", new Dictionary<string, ComposeVariable> { ["X"] = new(new SecretText("${Y}$$")) })
            .File!.Services[0].Environment["A"].Reveal().Should().Be("${Y}$$");

    [Test]
    public void Ten_megabytes_are_refused_before_they_are_read()
    {
        var clock = Stopwatch.StartNew();
        var result = Admission.Admit(Request("services:\n" + new string('#', 10 << 20), new Dictionary<string, string>()), Context());

        result.Errors.Should().Contain(e => e.Path == "source.compose_file" && e.Message.Contains("characters", StringComparison.Ordinal));
        clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(1));
    }

    [Test]
    public void The_sum_of_the_shares_is_the_whole()
    {
        const string File = """
            services:
              web: {image: acme/a:1, ports: [80]}
              db: {image: acme/b:1, mem_limit: 256m, cpus: "0.2"}
              job: {image: acme/c:1, pids_limit: 40}
            """;
        var guardrails = Core.Guardrails.BuiltInProfiles.Standard.Config;
        var file = ComposeParser.Parse(File, new Dictionary<string, ComposeVariable>()).File!;
        List<ComposeError> errors = [];
        var project = ComposeProject.Under(file, file.Services[0], guardrails, "compose.yaml", null, errors)!;

        errors.Should().BeEmpty();
        project.Guardrails.Values.Sum(g => Bytes(g.Resources.Memory)).Should().Be(Bytes(guardrails.Resources.Memory));
        project.Guardrails.Values.Sum(g => Cores(g.Resources.Cpu)).Should().Be(Cores(guardrails.Resources.Cpu));
        project.Guardrails.Values.Sum(g => g.Resources.MaxPids).Should().Be(guardrails.Resources.MaxPids);
        project.Guardrails["db"].Resources.Memory.Should().Be("268435456");
        project.Guardrails["web"].Resources.MaxPids.Should().Be(30);
    }

    private static long Bytes(string? text) => MemoryQuantity.TryParse(text, out var memory, out _) ? memory.Bytes : throw new AssertionException($"{text} is no memory");

    private static long Cores(string? text) => CpuQuantity.TryParse(text, out var cpu, out _) ? cpu.NanoCpus : throw new AssertionException($"{text} is no cpu");

    private static IEnumerable<string> Named(string prefix) => Directory.GetFiles(Folder, prefix + "*.yaml").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal);

    private static (string Text, Dictionary<string, string> Says) Read(string name)
    {
        var text = File.ReadAllText(Path.Combine(Folder, name + ".yaml"));
        var last = text.TrimEnd().Split('\n')[^1];
        return (text, last.Split("; ").Skip(1).Select(p => p.Split(": ", 2)).ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal));
    }

    private static DeployRequest Request(string text, Dictionary<string, string> says) => Good with
    {
        Source = new SourceRequest { Type = "compose", ComposeFile = text, MainService = says.GetValueOrDefault("main") },
        Environment = says.TryGetValue("env", out var variable) ? Environment((variable.Split('=')[0], variable.Split('=')[1])) : null,
    };
}
