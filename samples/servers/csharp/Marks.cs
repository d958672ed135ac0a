using System.ComponentModel;
using ModelContextProtocol.Server;

namespace McpRuntime.SampleServer;

/// <summary>Executions that outlive the process: how a test learns afterwards what was executed, and how often. Only where MARKS_FILE names a file.</summary>
internal static class Marks
{
    private static readonly SemaphoreSlim Writer = new(1);

    private static string? File => Environment.GetEnvironmentVariable("MARKS_FILE");

    public static IEnumerable<McpServerTool> All => File is null
        ? []
        : [McpServerTool.Create(MarkAsync, new() { Name = "mark" }), McpServerTool.Create(ReadAsync, new() { Name = "marks", ReadOnly = true })];

    [Description("Writes a line to the disk, then takes its time.")]
    private static async Task<string> MarkAsync(string mark, int milliseconds, CancellationToken ct)
    {
        await Writer.WaitAsync(CancellationToken.None);
        try
        {
            // Through to the disk before anything is said of it, and not given up half-way: what was begun is counted.
            await using var file = new FileStream(File!, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
            await file.WriteAsync(System.Text.Encoding.UTF8.GetBytes(mark + "\n"), CancellationToken.None);
            file.Flush(flushToDisk: true);
        }
        finally
        {
            Writer.Release();
        }

        await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System, ct);
        return mark;
    }

    [Description("All marks so far, one a line.")]
    private static Task<string> ReadAsync(CancellationToken ct) =>
        System.IO.File.Exists(File) ? System.IO.File.ReadAllTextAsync(File!, ct) : Task.FromResult("");
}
