using System.Text;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Specs;
using McpRuntime.Core.Tests.Specs;

namespace McpRuntime.Core.Tests.Catalog;

internal sealed class CatalogFuzzTests
{
    private static readonly string[] Seeds = [Documents.Ours, Documents.ServerJson, Documents.RegistryPage, Documents.ServerYaml, Documents.DockerCatalog];

    private static readonly string[] Breakers =
    [
        ": ", "- ", "? ", "[", "]", "{", "}", ",", "&a ", "*a", "<<: *a\n", "!!binary ", "!tag ", "|", ">", "'", "\"", "#", "%YAML 9.9\n", "---\n", "...\n", "\n", "\t", "  ", "\0", "\ufeff", "\ud800", "null", "~", "true", "-1", "1e999", "{{x}}", "\\u0000", "\\ud800",
    ];

    [Test]
    public void Ten_thousand_broken_documents_are_read_or_explained_and_never_throw() => Seeded.Times(10_000, random =>
    {
        var text = random.Chance(0.9) ? Mutate(random, random.Pick<string>(Seeds)) : Noise(random);
        var document = CatalogParser.Parse(text, random.Chance() ? "file" : "https://r.example");

        foreach (var skipped in document.Skipped)
        {
            skipped.Message.Should().StartWith("line ");
            (skipped.Path + skipped.Message).Should().NotContainAny("\0", "\u001b");
        }

        foreach (var entry in document.Entries)
        {
            List<ValidationError> errors = [];
            if (entry.Source is { } source)
            {
                SourceParser.Parse(source, null, "source", errors);
            }

            errors.Should().BeEmpty("an entry that loads can be deployed");
            (entry.Source is null).Should().Be(entry.NotDeployableBecause is not null);
        }
    });

    [Test]
    public void What_was_read_is_admitted_or_refused_and_never_throws() => Seeded.Times(2_000, random =>
    {
        var document = CatalogParser.Parse(Mutate(random, random.Pick<string>(Seeds)), random.Chance() ? "file" : "https://r.example");
        foreach (var entry in document.Entries)
        {
            var result = Admission.Admit(Requests.FromCatalog(entry.Id), Requests.Context().With(entry));
            (result.Admitted is null).Should().Be(result.Errors.Count > 0);
        }
    });

    private static string Mutate(Random random, string seed)
    {
        var text = new StringBuilder(seed);
        for (var edits = random.Next(1, 6); edits > 0; edits--)
        {
            var at = random.Next(text.Length);
            switch (random.Next(5))
            {
                case 0:
                    text.Insert(at, random.Pick<string>(Breakers));
                    break;
                case 1:
                    text.Remove(at, Math.Min(random.Next(1, 40), text.Length - at));
                    break;
                case 2:
                    text[at] = (char)random.Next(1, 0x100);
                    break;
                case 3:
                    var from = random.Next(text.Length);
                    text.Insert(at, text.ToString(from, Math.Min(random.Next(200), text.Length - from)));
                    break;
                default:
                    text.Insert(at, Hostile.Text(random, [""]));
                    break;
            }
        }

        return text.ToString();
    }

    private static string Noise(Random random)
    {
        var text = new StringBuilder();
        for (var i = random.Next(60); i > 0; i--)
        {
            text.Append(random.Chance() ? random.Pick<string>(Breakers) : ((char)random.Next(32, 127)).ToString());
        }

        return text.ToString();
    }
}
