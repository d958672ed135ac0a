using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Stdio;

/// <summary>What all bridges share.</summary>
internal sealed record BridgeClock(TimeProvider Time, ILogger<Bridge> Logger);
