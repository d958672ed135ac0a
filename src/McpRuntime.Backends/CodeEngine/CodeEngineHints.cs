using System.Runtime.CompilerServices;
using McpRuntime.Backends.CodeEngine.Wire;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>The platform tells nobody what happens: one list of apps at a time, and whatever changed since the last is looked at.</summary>
internal sealed partial class CodeEngineHints(CodeEngineWire wire, CodeEngineInstallation installation, CodeEngineOptions options, TimeProvider time, ILogger<CodeEngineHints> logger)
{
    public async IAsyncEnumerable<string> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        Dictionary<string, (string Record, string State)>? before = null;
        while (true)
        {
            if (await ListAsync(ct) is { } now)
            {
                foreach (var record in Changed(before ?? now, now))
                {
                    yield return record;
                }

                before = now;
            }

            await Task.Delay(options.HintEvery, time, ct);
        }
    }

    private async Task<Dictionary<string, (string Record, string State)>?> ListAsync(CancellationToken ct)
    {
        try
        {
            var instance = await installation.InstanceId(ct);
            return (await wire.AppsAsync(ct))
                .Where(a => a.Marks is { Record: not null } marks && marks.Instance == instance)
                .ToDictionary(a => a.Name, a => (a.Marks.Record!, $"{a.EntityTag} {a.Status} {a.StatusDetails}"), StringComparer.Ordinal);
        }
        catch (BackendFault fault)
        {
            Log.Lost(logger, fault.Fault.Message);
            return null;
        }
    }

    private static IEnumerable<string> Changed(Dictionary<string, (string Record, string State)> before, Dictionary<string, (string Record, string State)> now) =>
        before.Where(b => !now.TryGetValue(b.Key, out var after) || after.State != b.Value.State).Select(b => b.Value.Record)
            .Concat(now.Where(n => !before.ContainsKey(n.Key)).Select(n => n.Value.Record))
            .Distinct(StringComparer.Ordinal);

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "The project's apps can't be listed for now; runtimes are looked at by the resync alone. {Message}")]
        public static partial void Lost(ILogger logger, string message);
    }
}
