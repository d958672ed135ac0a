using System.Net;

namespace McpRuntime.Backends.Git;

/// <summary>The installation's settings of git; validated where they are read.</summary>
public sealed record GitOptions
{
    /// <summary>Checkouts are made in a folder of this process below it, and are gone with it.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Name or path of the program; the only one that is ever started.</summary>
    public string Program { get; init; } = "git";

    /// <summary>RUNTIME_GIT_ALLOWED_HOSTS: <c>host</c> or <c>host:port</c>.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = ["github.com"];

    /// <summary>RUNTIME_ALLOW_PRIVATE_ADDRESSES.</summary>
    public IReadOnlyList<IPNetwork> AllowedAddresses { get; init; } = [];

    /// <summary>RUNTIME_GIT_CREDENTIALS: a file, read again when it changes; null = none.</summary>
    public string? CredentialsFile { get; init; }

    /// <summary>RUNTIME_GIT_CA_FILE: authorities, in PEM, instead of the machine's own; null = the machine's.</summary>
    public string? AuthoritiesFile { get; init; }

    /// <summary>Of https, http and file. Only https by default; a repository on this machine is an admin's to allow.</summary>
    public IReadOnlyList<string> Schemes { get; init; } = ["https"];

    /// <summary>Not null: a commit that none of these has signed is not checked out.</summary>
    public GitSigners? Signers { get; init; }

    /// <summary>Bytes, of what is fetched and, again, of what is checked out. RUNTIME_GIT_MAX_MB.</summary>
    public long MostBytes { get; init; } = 256L << 20;

    /// <summary>Of one checkout: a repository that unfolds into more is a bomb, or no source of an image.</summary>
    public int MostFiles { get; init; } = 50_000;

    /// <summary>Of one fetch, and of one checkout.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Of the question for a ref; a turn waits for it, and is itself capped at 8 s.</summary>
    public TimeSpan RefTimeout { get; init; } = TimeSpan.FromSeconds(7);
}

/// <summary>Whose signature makes a commit ours.</summary>
/// <param name="AllowedSigners">A file as ssh-keygen(1) has it under ALLOWED SIGNERS; null = no SSH signature is good.</param>
/// <param name="GpgHome">A folder whose public keyring holds those who may sign and nobody else; null = no OpenPGP signature is good.</param>
public sealed record GitSigners(string? AllowedSigners, string? GpgHome);
