using System.Diagnostics;
using McpRuntime.Core.Catalog;

namespace McpRuntime.Core.Tests.Catalog;

internal sealed class CatalogCostTests
{
    private const int Size = CatalogParser.Longest - 100;

    /// <summary>Bodies that cost a parser most, each repeated up to the size limit.</summary>
    private static readonly Dictionary<string, (string Head, string Body, string Tail)> Costly = new(StringComparer.Ordinal)
    {
        ["entries"] = ("catalog_servers:\n", "- {id: a/b, name: A, source: 'nginx:1', environment: [A, B], tags: [x, y]}\n", ""),
        ["keys"] = ("", "a: b\n", ""),
        ["plain"] = ("", "word ", ""),
        ["quotes"] = ("", "\"", ""),
        ["colons"] = ("", ":", ""),
        ["questions"] = ("", "? ", ""),
        ["flow maps"] = ("[", "{a: b},", "]"),
        ["anchors"] = ("[", "&a x,", "]"),
        ["aliases"] = ("- &a [x]\n", "- *a\n", ""),
        ["merges"] = ("- &a {b: c}\n", "- {<<: [*a, *a]}\n", ""),
        ["tags"] = ("[", "!t x,", "]"),
        ["comments"] = ("", "#\n", ""),
        ["documents"] = ("", "---\n", ""),
        ["directives"] = ("", "%TAG ! x\n", ""),
        ["block"] = ("a: |\n", "  line\n", ""),
        ["newlines"] = ("a: b", "\n ", ""),
        ["tabs"] = ("", "\t", ""),
        ["json strings"] = ("[", "\"a\",", "\"a\"]"),
        ["json objects"] = ("[", "{\"id\":\"a\"},", "{}]"),
        ["open json"] = ("[", "{\"a\":[1,2,3,\"x\"]},", ""),
        ["unclosed flow"] = ("[", "a, ", ""),
        ["escapes"] = ("- \"", "\\u0041", "\""),
    };

    private static IEnumerable<string> Names => Costly.Keys;

    [TestCaseSource(nameof(Names))]
    public void Five_megabytes_of_anything_are_done_with_in_seconds(string name)
    {
        var (head, body, tail) = Costly[name];
        var text = head + string.Concat(Enumerable.Repeat(body, Size / body.Length)) + tail;
        var clock = Stopwatch.StartNew();
        CatalogParser.Parse(text, "file");
        TestContext.Out.WriteLine($"{name}: {clock.ElapsedMilliseconds} ms");
        clock.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20));
    }
}
