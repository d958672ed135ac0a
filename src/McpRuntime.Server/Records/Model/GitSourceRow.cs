namespace McpRuntime.Server.Records.Model;

/// <summary>One repository that runtimes are declared in: what of it is applied, how the last look at it went. Written by the leader; what is asked of it by anybody.</summary>
internal sealed class GitSourceRow
{
    /// <summary>As in RUNTIME_GITOPS_REPOS; the owner is <c>git:&lt;name&gt;</c>.</summary>
    public required string Name { get; set; }

    public long Version { get; set; }

    /// <summary>Without credentials, which it never has.</summary>
    public string Url { get; set; } = "";

    public string Ref { get; set; } = "";

    public string Path { get; set; } = "";

    /// <summary>What the ref pointed to when it was last seen.</summary>
    public string? SeenCommit { get; set; }

    /// <summary>The last good set's.</summary>
    public string? AppliedCommit { get; set; }

    /// <summary>Hash of the settings under which it was applied: others make it due again.</summary>
    public string? AppliedTerms { get; set; }

    public long? AppliedAt { get; set; }

    public long? CheckedAt { get; set; }

    /// <summary>JSON of what the last good set holds.</summary>
    public string? Counts { get; set; }

    /// <summary>JSON list of the entries of the last good set that could not be applied, and why.</summary>
    public string? Conflicts { get; set; }

    /// <summary>One word for what is wrong; null when nothing is.</summary>
    public string? Reason { get; set; }

    public string? Error { get; set; }

    /// <summary>JSON list of what is wrong in the files of <see cref="SeenCommit"/>.</summary>
    public string? Errors { get; set; }

    public int Failures { get; set; }

    /// <summary>How often a sync was asked for; behind it, <see cref="Answered"/> says how many of those are done.</summary>
    public long Asked { get; set; }

    public long Answered { get; set; }

    /// <summary>JSON of what somebody has allowed, for one commit.</summary>
    public string? Words { get; set; }
}
