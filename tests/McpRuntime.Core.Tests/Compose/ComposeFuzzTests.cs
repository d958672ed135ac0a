using System.Diagnostics;
using System.Text;
using McpRuntime.Core.Compose;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Tests.Compose;

/// <summary>Whatever the text: an answer, in bounded time, and either services or errors.</summary>
internal sealed class ComposeFuzzTests
{
    private const int Seed = 20261125;

    private const int Inputs = 10_000;

    private static readonly string[] Pieces =
    [
        ": ", ":\n", "\n", "  ", "- ", "{", "}", "[", "]", "\"", "'", "#", "&a ", "*a", "<<: *a", "|\n", ">\n", "---\n", "!!binary ", "? ", "~", "null", "true", "$", "$$", "${", "${A", "${A:-", "${A:?", "}", "\0", "\t", "\r", "\uD800",
        "😀", "services", "web", "image", "acme/a:1", "ports", "volumes", "networks", "depends_on", "condition", "healthcheck", "test", "environment", "deploy", "resources", "limits", "memory", "99999999999999999999", "-1", "1m30s", "/", "..",
    ];

    private static readonly Dictionary<string, ComposeVariable> Variables = new(StringComparer.Ordinal) { ["A"] = new(new SecretText("a")), ["R"] = new(new SecretText("secret://env/X"), IsReference: true) };

    [Test]
    public void Ten_thousand_inputs_come_to_an_answer()
    {
        var random = new Random(Seed);
        var corpus = Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Compose", "Corpus"), "*.yaml").Order(StringComparer.Ordinal).Select(File.ReadAllText).ToArray();
        var (slowest, accepted) = (TimeSpan.Zero, 0);
        for (var i = 0; i < Inputs; i++)
        {
            var text = Mutated(corpus[random.Next(corpus.Length)], random);
            var clock = Stopwatch.StartNew();
            var reading = ComposeParser.Parse(text, Variables, mayBuild: random.Next(2) == 0);
            if (reading.File is { } file)
            {
                accepted++;
                reading.Errors.Should().BeEmpty();
                List<ComposeError> errors = [];
                var main = ComposeProject.MainOf(file, "", out _) ?? file.Services[0];
                var project = ComposeProject.Under(file, main, BuiltInProfiles.Standard.Config, "x", ["docker.io"], errors);
                (project is null).Should().Be(errors.Count > 0);
                project?.Services.Should().BeEquivalentTo(file.Services);
            }
            else
            {
                reading.Errors.Should().NotBeEmpty($"input {i} of seed {Seed}");
            }

            slowest = clock.Elapsed > slowest ? clock.Elapsed : slowest;
        }

        TestContext.Out.WriteLine($"seed {Seed}: {accepted} of {Inputs} accepted, the slowest took {slowest.TotalMilliseconds:F1} ms");
        slowest.Should().BeLessThan(TimeSpan.FromSeconds(2));
        accepted.Should().BePositive();
    }

    private static string Mutated(string text, Random random)
    {
        var built = new StringBuilder(text);
        for (var n = random.Next(1, 8); n > 0; n--)
        {
            var at = random.Next(built.Length + 1);
            switch (random.Next(4))
            {
                case 0:
                    built.Insert(at, Pieces[random.Next(Pieces.Length)]);
                    break;
                case 1 when built.Length > 0:
                    built.Remove(Math.Min(at, built.Length - 1), Math.Min(random.Next(1, 6), built.Length - Math.Min(at, built.Length - 1)));
                    break;
                case 2 when built.Length > 0:
                    built[Math.Min(at, built.Length - 1)] = (char)random.Next(1, 0x250);
                    break;
                default:
                    var from = random.Next(built.Length + 1);
                    built.Insert(at, built.ToString(from, Math.Min(random.Next(40), built.Length - from)));
                    break;
            }
        }

        return built.ToString();
    }
}
