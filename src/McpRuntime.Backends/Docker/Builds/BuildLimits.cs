using System.ComponentModel.DataAnnotations;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>What one build may take. The engine's builder holds memory, processors and file size; the rest is watched, and a build beyond it is stopped.</summary>
public sealed record BuildLimits
{
    /// <summary>Of a whole build, queueing left out. RUNTIME_BUILD_TIMEOUT_SECONDS.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Bytes, swap none. RUNTIME_BUILD_MEMORY.</summary>
    [Range(64L << 20, long.MaxValue)]
    public long Memory { get; init; } = 2L << 30;

    /// <summary>RUNTIME_BUILD_CPU.</summary>
    public double Cpus { get; init; } = 2;

    /// <summary>Processes and threads of one step. RUNTIME_BUILD_MAX_PIDS.</summary>
    public int Pids { get; init; } = 1_024;

    /// <summary>Bytes that all steps together may write, and one file may have. RUNTIME_BUILD_DISK.</summary>
    public long Disk { get; init; } = 4L << 30;

    /// <summary>At once, on this engine; the others wait.</summary>
    public int AtOnce { get; init; } = 2;
}
