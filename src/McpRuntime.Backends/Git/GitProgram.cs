using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Git;

/// <summary>
/// One run of the git program: an argument vector and never a shell, nothing of our environment, no configuration but the file we
/// wrote, no prompt. Watched while it runs: too long or too large, and it is killed with all it started.
/// </summary>
internal sealed class GitProgram(GitOptions options, TimeProvider time)
{
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(200);

    private const int MostWords = 4_000;

    /// <param name="folder">Holds the configuration; its size is what is watched.</param>
    /// <param name="read">Takes the output as it comes; what it does not read stops the program.</param>
    /// <returns>Exit code and what it said on stderr.</returns>
    public async Task<(int Exit, string Words)> RunAsync(string folder, IReadOnlyList<string> arguments, Func<Stream, CancellationToken, Task> read, TimeSpan timeout, CancellationToken ct)
    {
        using var clock = new CancellationTokenSource(timeout, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        using var process = Start(folder, arguments);
        try
        {
            process.StandardInput.Close();
            var words = WordsAsync(process.StandardError, limited.Token);
            var output = read(process.StandardOutput.BaseStream, limited.Token);
            await WatchAsync(process, output, folder, limited.Token);
            await output;
            return (process.ExitCode, await words);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "GitTimeout", $"git {arguments[0]} did not end within {timeout.TotalSeconds:0} s and was stopped."), e);
        }
        finally
        {
            Kill(process);
        }
    }

    private async Task WatchAsync(Process process, Task output, string folder, CancellationToken ct)
    {
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var exit = process.WaitForExitAsync(ct);
        while (!exit.IsCompleted)
        {
            _ = await Task.WhenAny(exit, Task.Delay(Glance, time, watching.Token));
            if (output.IsFaulted)
            {
                await output;
            }

            if (!exit.IsCompleted && SizeOf(folder) > options.MostBytes)
            {
                throw TooLarge(options);
            }

            ct.ThrowIfCancellationRequested();
        }

        await watching.CancelAsync();
        await exit;
    }

    public static BackendFault TooLarge(GitOptions options) =>
        new(new Fault(FaultKind.Refused, "RepositoryTooLarge", $"The repository is larger than {options.MostBytes >> 20} MB (RUNTIME_GIT_MAX_MB) or {options.MostFiles} files at that commit."));

    private Process Start(string folder, IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(options.Program)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        var path = start.Environment.TryGetValue("PATH", out var own) ? own : null;
        start.Environment.Clear();
        foreach (var (name, value) in Environment(folder, path ?? "/usr/local/bin:/usr/bin:/bin"))
        {
            start.Environment[name] = value;
        }

        try
        {
            return Process.Start(start) ?? throw new BackendFault(NotThere("it did not start"));
        }
        catch (Win32Exception e)
        {
            throw new BackendFault(NotThere(e.Message), e);
        }
    }

    private IEnumerable<(string Name, string Value)> Environment(string folder, string path) =>
    [
        ("PATH", path),
        ("HOME", folder),
        ("LC_ALL", "C"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", GitConfiguration.FileIn(folder)),
        ("GIT_ATTR_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_ASKPASS", ""),
        ("GIT_ALLOW_PROTOCOL", string.Join(':', options.Schemes)),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_CEILING_DIRECTORIES", folder),
        ("GNUPGHOME", options.Signers?.GpgHome is { } keys ? Path.GetFullPath(keys) : Path.Combine(folder, ".gnupg")),
    ];

    private Fault NotThere(string why) => new(FaultKind.Transient, "GitMissing", $"The program {options.Program} can't be started ({why}): install git where this service runs. Its own image has it, unless IMAGE_BASE named another base.");

    /// <summary>The last of it; progress lines end with a carriage return.</summary>
    private static async Task<string> WordsAsync(StreamReader reader, CancellationToken ct)
    {
        var words = new StringBuilder();
        var buffer = new char[4_096];
        for (var read = await reader.ReadAsync(buffer, ct); read > 0; read = await reader.ReadAsync(buffer, ct))
        {
            _ = words.Append(buffer, 0, read);
            if (words.Length > 2 * MostWords)
            {
                _ = words.Remove(0, words.Length - MostWords);
            }
        }

        return words.ToString().Replace('\r', '\n').Trim();
    }

    /// <summary>A file may go between the list and the look.</summary>
    private static long SizeOf(string folder)
    {
        try
        {
            return new DirectoryInfo(folder).EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }).Sum(f => f.Length);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static void Kill(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            // It has ended already.
        }
    }
}
