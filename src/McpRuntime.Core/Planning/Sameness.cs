using System.Text.Json;

namespace McpRuntime.Core.Planning;

/// <summary>Equality by content, lists and maps included: records compare those by reference.</summary>
public static class Sameness
{
    public static bool Of<T>(T a, T b) => ReferenceEquals(a, b) || string.Equals(JsonSerializer.Serialize(a), JsonSerializer.Serialize(b), StringComparison.Ordinal);
}
