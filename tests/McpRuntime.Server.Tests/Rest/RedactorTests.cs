using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Tests.Rest;

internal sealed class RedactorTests
{
    [Test]
    public void Every_value_of_four_or_more_characters_is_replaced_wherever_it_stands()
    {
        Of("s3cr3t", "on", "tokn").Clean("s3cr3t=s3cr3t on tokn.").Should().Be("***=*** on ***.");
    }

    [Test]
    public void The_longer_of_two_values_goes_first_so_that_no_tail_of_it_is_left()
    {
        Of("abcd", "abcdefgh").Clean("x abcdefgh y abcd z").Should().Be("x *** y *** z");
    }

    [Test]
    public void A_value_of_several_lines_is_found_line_by_line()
    {
        Of("-----BEGIN KEY-----\nMIIabc\n").Clean("key is MIIabc").Should().Be("key is ***");
    }

    [Test]
    public void Without_secrets_a_line_is_left_as_it_is()
    {
        Of().Clean("plain").Should().Be("plain");
    }

    [Test]
    public void No_planted_value_survives_in_random_lines()
    {
        const int Seed = 20261122;
        TestContext.Out.WriteLine($"seed {Seed}");
        var random = new Random(Seed);
        for (var round = 0; round < 2000; round++)
        {
            var secrets = Enumerable.Range(0, random.Next(1, 6)).Select(_ => Word(random, random.Next(4, 12))).ToArray();
            var line = string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => random.Next(2) == 0 ? secrets[random.Next(secrets.Length)] : Word(random, random.Next(0, 6))));

            var clean = Of(secrets).Clean(line);

            secrets.Should().NotContain(secret => clean.Contains(secret, StringComparison.Ordinal), "the line was {0}", line);
        }
    }

    private static string Word(Random random, int length) => string.Concat(Enumerable.Range(0, length).Select(_ => (char)('a' + random.Next(3))));

    private static Redactor Of(params string[] values) => new(values.Select(value => new SecretText(value)));
}
