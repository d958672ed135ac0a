namespace McpRuntime.Core.Tests;

/// <summary>Many random cases from one seed, which is printed with the case that fails.</summary>
internal static class Seeded
{
    public static void Times(int count, Action<Random> check, int seed = 20261122)
    {
        for (var i = 0; i < count; i++)
        {
            try
            {
                check(new Random(seed + i));
            }
            catch (Exception exception) when (exception is not SuccessException)
            {
                throw new AssertionException($"seed {seed + i}: {exception}", exception);
            }
        }
    }

    public static T Pick<T>(this Random random, params IReadOnlyList<T> from) => from[random.Next(from.Count)];

    public static bool Chance(this Random random, double probability = 0.5) => random.NextDouble() < probability;

    public static T[] Some<T>(this Random random, int most, params IReadOnlyList<T> from) => [.. Enumerable.Range(0, random.Next(most + 1)).Select(_ => random.Pick(from)).Distinct()];
}
