using System.CommandLine;
using McpRuntime.Server;
using McpRuntime.Server.Cli;

// The command line's own patience with SIGTERM is 2 s, and then it ends the process: less than the host needs to drain.
return await Commands.Root().Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = RuntimeService.Drain + TimeSpan.FromSeconds(10) });
