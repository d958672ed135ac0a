using McpRuntime.Backends.Tests.Contract;

namespace McpRuntime.Backends.Tests.Docker;

[Category("Docker")]
public sealed class DockerContract : BackendContract
{
    protected override async Task<IContractWorld> OpenAsync() => await DockerWorld.OpenAsync();
}
