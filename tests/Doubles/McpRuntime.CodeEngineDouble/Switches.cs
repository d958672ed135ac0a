namespace McpRuntime.CodeEngineDouble;

/// <summary>
/// What no public source says of the live service, each to be set either way: a client that passes only one way has guessed.
/// </summary>
internal sealed record Switches
{
    /// <summary>Reads of an app until what was asked of it is so.</summary>
    public int ReadyAfterReads { get; init; } = 1;

    /// <summary>Reads of an app, after a change, that still show the status of before it.</summary>
    public int StatusLagsReads { get; init; }

    /// <summary>Reads of a build run in each of its states.</summary>
    public int BuildReads { get; init; } = 1;

    /// <summary>Reads for which a deleted app is still shown.</summary>
    public int LingeringReads { get; init; }

    public int StaleTagStatus { get; init; } = 412;

    public int MissingTagStatus { get; init; } = 428;

    public int DuplicateStatus { get; init; } = 409;

    public int QuotaStatus { get; init; } = 400;

    public int Apps { get; init; } = 40;

    public int Revisions { get; init; } = 120;

    public int Secrets { get; init; } = 100;

    public int Builds { get; init; } = 100;

    public int BuildRuns { get; init; } = 100;

    public bool VersionRequired { get; init; } = true;

    /// <summary>A change of status is a change of the entity tag.</summary>
    public bool TagFollowsStatus { get; init; }

    public bool SecretListsOmitData { get; init; }

    /// <summary>Fields and words nobody documented yet.</summary>
    public bool UnknownExtras { get; init; }

    /// <summary>The platform fills defaults into what it gives back.</summary>
    public bool FillsDefaults { get; init; } = true;

    /// <summary>Seconds an access token lives.</summary>
    public int TokenSeconds { get; init; } = 3600;

    /// <summary>Seconds without a call after which an app scales to its minimum.</summary>
    public int IdleSeconds { get; init; } = 60;

    /// <summary>Seconds after which a succeeded build run is gone.</summary>
    public int RunSeconds { get; init; } = 3 * 3600;

    public bool KubeConfig { get; init; } = true;

    /// <summary>The kubeconfig's <c>certificate-authority-data</c>, whatever it is; null: none.</summary>
    public string? KubeAuthority { get; init; }

    /// <summary>The kubeconfig's server; null: this double.</summary>
    public string? KubeServer { get; init; }

    /// <summary>What Cloud Logs does: <c>answers</c>, <c>fails</c> (500), tells each line as <c>plain</c> text, or says something that is no result (<c>nonsense</c>, or any JSON).</summary>
    public string CloudLogs { get; init; } = "answers";

    public int PageSize { get; init; } = 100;

    /// <summary>A page's <c>start</c> counts, so that what comes in between shifts what follows; else it names the last that was told.</summary>
    public bool PagesCount { get; init; }

    /// <summary>Somebody makes an app of theirs between any two pages of the apps, so many times; its name sorts before all others, or after.</summary>
    public int AppsBetweenPages { get; init; }

    public string ProjectStatus { get; init; } = "active";

    /// <summary>Seconds by which this clock is ahead of the machine's.</summary>
    public int ClockAhead { get; init; }
}

/// <summary>What becomes of apps of an image, or of builds of a repository, whose name contains <see cref="Contains"/>.</summary>
/// <param name="Reason">Null: it gets ready.</param>
/// <param name="FromRevision">The first revision that the outcome is for.</param>
/// <param name="Upstream"><c>host:port</c> of a real server that calls are forwarded to.</param>
internal sealed record Script(string Contains, string? Reason = null, int FromRevision = 1, string? Upstream = null, int? ExitCode = null);

/// <summary>Something that goes wrong with one call, <see cref="Skip"/> matching calls from now.</summary>
/// <param name="Call"><c>POST /apps</c>: a method and how the path below the project begins; <c>*</c> for any; <c>writes</c> for any that is no GET; <c>IAM</c> for the token.</param>
/// <param name="Kind"><c>429</c>, <c>429-date</c>, <c>429-bare</c>, <c>500</c>, <c>502-html</c>, <c>503</c>, <c>504</c>, <c>401</c>, <c>reset</c>, <c>reset-after</c>, <c>truncated</c>, <c>slow</c>, <c>500-after</c>, <c>400-echo</c> and <c>502-echo</c> with the request's body in the answer, or any other status.</param>
internal sealed record Trouble(string Call, string Kind, int Skip = 0, int Times = 1, int Seconds = 1);

/// <param name="Headers">All but Authorization, which holds the token.</param>
internal sealed record Called(string Method, string Path, int Status, string Query, IReadOnlyDictionary<string, string> Headers);

internal sealed class Refused(int status, string code, string message) : Exception(message)
{
    public int Status { get; } = status;

    public string Code { get; } = code;
}
