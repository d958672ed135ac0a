using System.Globalization;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>A pair of vCPU and memory that the platform has; nothing in between can be had.</summary>
/// <param name="Milli">Thousandths of a vCPU.</param>
/// <param name="Megabytes">Decimal, as the platform counts.</param>
internal sealed record AppSize(int Milli, int Megabytes)
{
    private static readonly AppSize[] Pairs =
    [
        .. Of(125, 250, 500, 1_000), .. Of(250, 500, 1_000, 2_000), .. Of(500, 1_000, 2_000, 4_000), .. Of(1_000, 2_000, 4_000, 8_000), .. Of(2_000, 4_000, 8_000, 16_000),
        .. Of(4_000, 8_000, 16_000, 32_000), .. Of(6_000, 12_000, 24_000, 48_000), .. Of(8_000, 16_000, 32_000), .. Of(10_000, 20_000, 40_000), .. Of(12_000, 24_000, 48_000),
    ];

    /// <summary>When a profile asks for no limit: the platform has none, so its own default applies.</summary>
    public static readonly AppSize Default = new(1_000, 4_000);

    public string Cpu => (Milli / 1000m).ToString("0.###", CultureInfo.InvariantCulture);

    public string Memory => Megabytes % 1_000 == 0 ? $"{(Megabytes / 1_000).ToString(CultureInfo.InvariantCulture)}G" : $"{Megabytes.ToString(CultureInfo.InvariantCulture)}M";

    /// <summary>The smallest pair that has at least what is asked, vCPU first; null: more than the platform has.</summary>
    public static AppSize? Fitting(ResourceGuardrails asked)
    {
        var cpu = Nanos(asked);
        var memory = Bytes(asked);
        return cpu is null && memory is null ? Default : Pairs.FirstOrDefault(p => p.Holds(cpu, memory));
    }

    public bool IsMoreCpuThan(ResourceGuardrails asked) => Nanos(asked) is { } nanos && Milli * 1_000_000L != nanos;

    public bool IsMoreMemoryThan(ResourceGuardrails asked) => Bytes(asked) is { } bytes && Megabytes * 1_000_000L != bytes;

    /// <summary>Thousandths of a vCPU, whichever way they are written; null: not understood.</summary>
    public static long? MilliOf(string? text) => CpuQuantity.TryParse(text, out var cpu, out _) ? cpu.NanoCpus / 1_000_000 : null;

    /// <summary>Megabytes of <c>4G</c>, <c>250M</c>; null: not understood.</summary>
    public static long? MegabytesOf(string? text)
    {
        var digits = text?.TrimEnd('G', 'M', 'g', 'm', 'B', 'b') ?? "";
        return decimal.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            ? text![digits.Length..].ToUpperInvariant() switch
            {
                "G" or "GB" => (long)(number * 1_000),
                "M" or "MB" => (long)number,
                _ => null,
            }
            : null;
    }

    private bool Holds(long? nanos, long? bytes) => Milli * 1_000_000L >= (nanos ?? 0) && Megabytes * 1_000_000L >= (bytes ?? 0);

    private static long? Nanos(ResourceGuardrails asked) => CpuQuantity.TryParse(asked.Cpu, out var cpu, out _) ? cpu.NanoCpus : null;

    private static long? Bytes(ResourceGuardrails asked) => MemoryQuantity.TryParse(asked.Memory, out var memory, out _) ? memory.Bytes : null;

    private static IEnumerable<AppSize> Of(int milli, params int[] megabytes) => megabytes.Select(m => new AppSize(milli, m));
}

/// <summary>How many instances, and for how long a call may take, within the platform's bounds.</summary>
internal sealed record AppScale(int Min, int Max, int TimeoutSeconds, bool IsPinned)
{
    /// <summary>The platform cuts every request there, streams too.</summary>
    public const int LongestRequest = 600;

    /// <param name="transport">A server of the old transport keeps its sessions in one process: two instances would answer past each other.</param>
    public static AppScale Of(ResourceGuardrails asked, GatewayTransport? transport)
    {
        var pinned = transport == GatewayTransport.Sse;

        // Never 0: to the platform that means "no limit". One, unless more are asked for: there are no sticky sessions.
        var max = pinned ? 1 : Math.Clamp(asked.MaxScale ?? Math.Max(1, asked.MinScale ?? 1), 1, 250);
        var min = pinned ? 1 : Math.Clamp(asked.MinScale ?? 0, 0, max);
        return new AppScale(min, max, Math.Clamp(asked.TimeoutSeconds ?? LongestRequest, 1, LongestRequest), pinned);
    }
}
