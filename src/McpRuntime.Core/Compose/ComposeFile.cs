using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>A compose file, read and interpolated: the subset of the Compose specification that runs here. Holds secrets.</summary>
/// <param name="Services">In the file's order; at least one.</param>
/// <param name="Networks">Those that services are on, the implicit <c>default</c> included.</param>
/// <param name="Notes">What was read and is done another way here, each with its line: not errors.</param>
public sealed record ComposeFile(IReadOnlyList<ComposeService> Services, IReadOnlyList<ComposeNetwork> Networks, IReadOnlyList<string> Notes)
{
    public ComposeService? Find(string name) => Services.FirstOrDefault(s => s.Name == name);
}

/// <param name="Internal">Asked to have no way out, whatever the guardrails allow.</param>
public sealed record ComposeNetwork(string Name, bool Internal);

public sealed record ComposeService
{
    public required string Name { get; init; }

    /// <summary>Null exactly when it is built.</summary>
    public ImageReference? Image { get; init; }

    public ComposeBuild? Build { get; init; }

    /// <summary>Arguments, never a shell line; null keeps the image's own.</summary>
    public IReadOnlyList<string>? Command { get; init; }

    public IReadOnlyList<string>? Entrypoint { get; init; }

    public IReadOnlyDictionary<string, SecretText> Environment { get; init; } = new SortedDictionary<string, SecretText>(StringComparer.Ordinal);

    /// <summary>TCP ports inside the container, from <c>ports</c> and <c>expose</c>; each once.</summary>
    public IReadOnlyList<int> Ports { get; init; } = [];

    /// <summary>Whether it stated <c>ports</c>: what the file means for the outside.</summary>
    public bool IsPublished { get; init; }

    public IReadOnlyList<ComposeMount> Mounts { get; init; } = [];

    public IReadOnlyList<ComposeTmpfs> Tmpfs { get; init; } = [];

    public IReadOnlyList<string> Networks { get; init; } = [ComposeNames.DefaultNetwork];

    public IReadOnlyList<ComposeDependency> DependsOn { get; init; } = [];

    public ComposeHealthcheck? Healthcheck { get; init; }

    public string? User { get; init; }

    public string? WorkingDir { get; init; }

    public string? Hostname { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    public ComposeRestart Restart { get; init; }

    public bool? Init { get; init; }

    public bool? ReadOnly { get; init; }

    /// <summary>Upper case, without <c>CAP_</c>.</summary>
    public IReadOnlyList<string> CapAdd { get; init; } = [];

    public IReadOnlyList<string> CapDrop { get; init; } = [];

    /// <summary>Null: an equal share of what the others leave.</summary>
    public CpuQuantity? Cpus { get; init; }

    public MemoryQuantity? Memory { get; init; }

    public int? Pids { get; init; }

    public string? StopSignal { get; init; }

    public TimeSpan? StopGracePeriod { get; init; }

    /// <summary><c>os/architecture</c>, normalised as Docker writes it; null = whatever the image is.</summary>
    public string? Platform { get; init; }

    /// <summary>Where its keys stand, for errors that are only known later; the service itself under an empty key.</summary>
    public IReadOnlyDictionary<string, int> Lines { get; init; } = new Dictionary<string, int>(StringComparer.Ordinal);

    public int LineOf(string key) => Lines.TryGetValue(key, out var line) ? line : Lines.GetValueOrDefault("", 1);
}

/// <param name="Context">Relative to the compose file's own folder.</param>
public sealed record ComposeBuild(string Context, string Dockerfile, string? Target, IReadOnlyDictionary<string, SecretText> Args);

/// <param name="Volume">The file's own name of it.</param>
public sealed record ComposeMount(string Volume, ContainerPath Path, bool ReadOnly, int Line);

/// <param name="Size">Bytes; null = the installation's default.</param>
/// <param name="Mode">Octal text; null = 1777.</param>
public sealed record ComposeTmpfs(ContainerPath Path, long? Size, string? Mode);

public enum ComposeCondition
{
    Started,
    Healthy,
    Completed,
}

public sealed record ComposeDependency(string Service, ComposeCondition Condition, int Line);

/// <summary>Null fields keep the image's or the engine's own.</summary>
/// <param name="Test">In the engine's form: <c>CMD …</c>, <c>CMD-SHELL …</c> or <c>NONE</c>.</param>
public sealed record ComposeHealthcheck(IReadOnlyList<string>? Test, TimeSpan? Interval, TimeSpan? Timeout, TimeSpan? StartPeriod, int? Retries)
{
    public bool IsDisabled => Test is ["NONE"];
}

/// <summary>What follows when it ends. The restarting is ours, with backoff; the engine never does it.</summary>
public enum ComposeRestart
{
    /// <summary>Nothing was said: kept up, but for a job that others wait for.</summary>
    Unsaid,
    Always,

    /// <summary>Ending with 0 is being done.</summary>
    OnFailure,

    /// <summary>Ending is being done; with another code than 0 it has failed.</summary>
    No,
}

/// <param name="Column">1 = the first; 0 = not known.</param>
public sealed record ComposeError(int Line, int Column, string Message)
{
    public override string ToString() => Message;
}

public static class ComposeNames
{
    public const string DefaultNetwork = "default";

    /// <summary>Shown in errors for text that came without a file.</summary>
    public const string InlineFile = "compose.yaml";
}

/// <summary>A variable that the file may refer to.</summary>
/// <param name="IsReference">Its value is only read when a container is made: it can stand nowhere but in a service's environment.</param>
public sealed record ComposeVariable(SecretText Value, bool IsReference = false);
