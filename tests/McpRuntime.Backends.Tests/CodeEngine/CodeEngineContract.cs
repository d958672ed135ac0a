using McpRuntime.Backends.Tests.Contract;

namespace McpRuntime.Backends.Tests.CodeEngine;

[Category("Doubles")]
public sealed class CodeEngineContract : BackendContract
{
    protected override async Task<IContractWorld> OpenAsync() => await CodeEngineWorld.OpenAsync();
}
