using McpRuntime.Core.Planning;

namespace McpRuntime.Backends;

/// <summary>The only exception a <c>*Wire</c> throws (but cancellation). Caught at the provider's edge and turned into a value.</summary>
public sealed class BackendFault(Fault fault, Exception? inner = null) : Exception(fault.Message, inner)
{
    public Fault Fault { get; } = fault;
}
