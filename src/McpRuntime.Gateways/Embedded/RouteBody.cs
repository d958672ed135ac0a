using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Gateways.Embedded;

/// <summary>A route as it was asked for; <see cref="Bind"/> adds the live container it leads to.</summary>
internal sealed record RouteBody : ResourceBody
{
    public required string Name { get; init; }

    /// <summary>As declared; null is found by probing.</summary>
    public required string? Path { get; init; }

    /// <summary>As declared; null is found by probing.</summary>
    public required GatewayTransport? Transport { get; init; }

    public required Visibility Visibility { get; init; }

    public required string? TeamId { get; init; }

    public required string CreatedBy { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }

    /// <summary>The container's resource id, under which the prober keeps its word.</summary>
    public required string ContainerId { get; init; }

    public UpstreamAddress? Address { get; init; }

    public string Instance { get; init; } = "";

    public override (ResourceBody Body, string Fingerprint) Bind(SeenResource target, string fingerprint)
    {
        var bound = this with { Address = target.Address, Instance = target.Instance };
        return (bound, bound.Fingerprint());
    }

    /// <summary>Over everything that is asked for, and what it is bound to. What probing found is not part of it: see <see cref="EmbeddedGateway"/>.</summary>
    public string Fingerprint()
    {
        var canonical = new StringBuilder("route-v1");
        Add(canonical, Name);
        Add(canonical, Path);
        Add(canonical, Transport?.ToString());
        Add(canonical, Visibility.ToString());
        Add(canonical, TeamId);
        Add(canonical, CreatedBy);
        Add(canonical, ContainerId);
        Add(canonical, Instance);
        Add(canonical, Address?.Scheme);
        Add(canonical, Address?.Host);
        Add(canonical, Address?.Port.ToString(CultureInfo.InvariantCulture));
        Add(canonical, Address?.Relay);
        foreach (var tag in Tags.Order(StringComparer.Ordinal))
        {
            Add(canonical, tag);
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical.ToString())));
    }

    // Lengths keep ("a", "bc") and ("ab", "c") apart, and null from empty.
    private static void Add(StringBuilder canonical, string? field) =>
        canonical.Append(CultureInfo.InvariantCulture, $"|{field?.Length ?? -1}:{field}");
}
