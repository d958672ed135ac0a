using McpRuntime.Backends;
using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Tests.Doubles;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Server.Tests.Control;

/// <summary>The words at start on how each backend is: whatever a check ends with, the process goes on.</summary>
internal sealed class BackendCheckTests
{
    private static readonly Exception[] Ends = [new Refusal(RefusalKind.Unavailable, "The database is away", "no such host"), new InvalidOperationException("odd")];

    [TestCaseSource(nameof(Ends))]
    public async Task A_check_that_breaks_is_told_and_ends_nothing(Exception end)
    {
        var said = new Said();
        using var checks = new BackendChecks(new Dictionary<string, IBackend>(StringComparer.Ordinal) { ["docker"] = new MemoryBackend { Breaks = end } }, TimeProvider.System, said);

        await checks.StartAsync(default);
        await checks.ExecuteTask!;

        said.Lines.Should().ContainSingle().Which.Should().Contain("docker").And.Contain(end.Message).And.Contain("asked again");
    }

    private sealed class Said : ILogger<BackendChecks>
    {
        public List<string> Lines { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Lines.Add(formatter(state, exception));
    }
}
