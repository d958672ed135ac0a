using System.Diagnostics;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Control;

/// <summary>What a turn needs besides the things it decides with.</summary>
internal sealed partial class TurnSurroundings(Lanes lanes, ControlMetrics metrics, ControlOptions options, TimeProvider time, ILogger<Turn> logger)
{
    public Lanes Lanes { get; } = lanes;

    public ControlMetrics Metrics { get; } = metrics;

    public ControlOptions Options { get; } = options;

    public TimeProvider Time { get; } = time;

    public void Told(RuntimeRecord record, Step step, StepResult result, Report report, long began, Activity? activity)
    {
        var name = step.GetType().Name;
        Metrics.Took(record.Backend, name, Time.GetElapsedTime(began), result.Fault is not null);
        Metrics.Saw(record.Backend, report);
        if (step is Step.Put { Why: "Drifted" } && result.Fault is null)
        {
            Metrics.DriftRepaired.Add(1);
        }

        activity?.SetTag("mcpruntime.record", record.Id)
            .SetTag("mcpruntime.backend", record.Backend)
            .SetTag("mcpruntime.generation", record.AskedGeneration)
            .SetTag("mcpruntime.step", name);
        if (result.Fault is { } fault)
        {
            activity?.SetStatus(ActivityStatusCode.Error, fault.Message);
            Log.Faulted(logger, record.Name, record.Id, name, fault.Reason, fault.Message);
        }
        else if (InWords(step) is { } words)
        {
            Log.Stepped(logger, record.Name, record.Id, words);
        }
    }

    private static string? InWords(Step step) => step.Match<string?>(
        _ => null,
        resolve => $"resolved generation {resolve.Generation}",
        put => $"put {put.Resource.Kind} {put.Resource.Id} ({put.Why})",
        remove => $"removed {remove.Kind} {remove.ResourceId} ({remove.Why})",
        _ => null,
        promote => $"promoted generation {promote.Generation}",
        fail => $"gave up generation {fail.Generation} ({fail.Reason})",
        _ => "deleted");

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "{Name} ({Id}): {Step}")]
        public static partial void Stepped(ILogger logger, string name, string id, string step);

        [LoggerMessage(Level = LogLevel.Warning, Message = "{Name} ({Id}): {Step} came back as {Reason}: {Detail}")]
        public static partial void Faulted(ILogger logger, string name, string id, string step, string reason, string detail);
    }
}
