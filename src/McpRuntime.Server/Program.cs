using McpRuntime.Server.Cli;

return await Commands.Root().Parse(args).InvokeAsync();
