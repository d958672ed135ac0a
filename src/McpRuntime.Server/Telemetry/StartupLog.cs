using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Telemetry;

/// <summary>What whoever starts the service should read first.</summary>
internal static partial class StartupLog
{
    public static void Write(ILoggerFactory loggers, RuntimeSettings settings)
    {
        var logger = loggers.CreateLogger("McpRuntime.Start");
        foreach (var warning in settings.Warnings)
        {
            Log.Warning(logger, warning);
        }

        if (!settings.Enabled)
        {
            Log.Disabled(logger);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "{Warning}")]
        public static partial void Warning(ILogger logger, string warning);

        [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "MCPGATEWAY_RUNTIME_ENABLED is false: there is no /runtimes, and nothing is touched")]
        public static partial void Disabled(ILogger logger);
    }
}
