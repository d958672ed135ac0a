using System.Globalization;
using McpRuntime.Backends.Docker.Wire;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// Limits as asked, kept in a label: an engine on a kernel without swap or pids accounting drops them silently, and the container
/// would differ for ever. What it can hold is always read from its own fields.
/// </summary>
internal static class LimitsLabel
{
    public static string Of(HostConfig host) =>
        string.Create(CultureInfo.InvariantCulture, $"{host.NanoCpus}/{host.Memory}/{host.MemorySwap}/{host.PidsLimit ?? 0}");

    public static HostConfig Apply(HostConfig live, IReadOnlyDictionary<string, string>? labels, EngineInfo engine)
    {
        var parts = labels?.GetValueOrDefault(DockerNames.Limits)?.Split('/');
        if (parts is not { Length: 4 })
        {
            return live;
        }

        return live with
        {
            NanoCpus = engine is { CpuCfsPeriod: true, CpuCfsQuota: true } ? live.NanoCpus : Number(parts[0]),
            Memory = engine.MemoryLimit ? live.Memory : Number(parts[1]),
            MemorySwap = engine is { MemoryLimit: true, SwapLimit: true } ? live.MemorySwap : Number(parts[2]),
            PidsLimit = engine.PidsLimit ? live.PidsLimit : Number(parts[3]),
        };
    }

    private static long Number(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;
}
