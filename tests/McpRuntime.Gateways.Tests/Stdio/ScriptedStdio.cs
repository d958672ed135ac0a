using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Backends;

namespace McpRuntime.Gateways.Tests.Stdio;

/// <summary>A backend with one stdio server in memory, which does what the test says with each line it reads.</summary>
internal sealed class ScriptedStdio : IStdioChannels
{
    public const string TestScheme = "stdio+test";

    /// <summary>An MCP server of 2025-11-25 that does as it is told by <c>params.arguments</c>.</summary>
    public Func<JsonObject, ScriptedProcess, Task> Answer { get; set; } = Plain;

    public string Scheme => TestScheme;

    public ScriptedProcess Process { get; private set; } = new(1);

    public ConcurrentQueue<string> Notes { get; } = new();

    public int Opened { get; private set; }

    public Task<string?> InstanceAsync(string name, CancellationToken ct) => Task.FromResult<string?>(Process.Instance);

    public Task<IStdioChannel?> OpenAsync(string name, string? used, CancellationToken ct)
    {
        if (Process.Instance == used)
        {
            Replace();
        }

        Opened++;
        Process.Run(Answer);
        return Task.FromResult<IStdioChannel?>(new Channel(Process, Notes));
    }

    /// <summary>What the engine's kill and the reconciler's start come to.</summary>
    public void Replace()
    {
        Process.Kill();
        Process = new ScriptedProcess(Process.Number + 1);
    }

    public static async Task Plain(JsonObject message, ScriptedProcess process)
    {
        switch (message["method"]?.GetValue<string>())
        {
            case "initialize":
                await process.ResultAsync(message, """{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"logging":{}},"serverInfo":{"name":"scripted","version":"1"}}""");
                break;
            case "tools/list":
                await process.ResultAsync(message, """{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}""");
                break;
            case "tools/call":
                var text = message["params"]!["arguments"]?["text"]?.ToJsonString() ?? "\"\"";
                await process.ResultAsync(message, """{"content":[{"type":"text","text":""" + text + "}]}");
                break;
            case { } when message["id"] is { } id:
                await process.WriteAsync($$$"""{"jsonrpc":"2.0","id":{{{id.ToJsonString()}}},"error":{"code":-32601,"message":"Method not found"}}""");
                break;
        }
    }

    private sealed class Channel(ScriptedProcess process, ConcurrentQueue<string> notes) : IStdioChannel
    {
        public string Instance => process.Instance;

        public Stream Input { get; } = process.In.Writer.AsStream();

        public Stream Output { get; } = process.Out.Reader.AsStream();

        public void Note(string line) => notes.Enqueue(line);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}

/// <summary>One life of the scripted server.</summary>
internal sealed class ScriptedProcess(int number)
{
    private readonly Lock _order = new();
    private Task _last = Task.CompletedTask;
    private bool _runs;

    public int Number => number;

    public string Instance => $"process-{number}";

    /// <summary>Set: it reads nothing more.</summary>
    public bool IsDeaf { get; set; }

    public Pipe In { get; } = new(new PipeOptions(pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024));

    public Pipe Out { get; } = new(new PipeOptions(pauseWriterThreshold: 64 * 1024, resumeWriterThreshold: 32 * 1024));

    public ConcurrentQueue<JsonObject> Read { get; } = new();

    public void Run(Func<JsonObject, ScriptedProcess, Task> answer)
    {
        if (!_runs)
        {
            _runs = true;
            _ = Task.Run(() => LoopAsync(answer));
        }
    }

    public void Kill()
    {
        In.Reader.Complete(new IOException("killed"));
        Out.Writer.Complete();
    }

    public Task ResultAsync(JsonObject request, string result) => WriteAsync($$$"""{"jsonrpc":"2.0","id":{{{request["id"]!.ToJsonString()}}},"result":{{{result}}} }""");

    public Task WriteAsync(string line) => WriteRawAsync(line + "\n");

    public Task WriteRawAsync(string text)
    {
        lock (_order)
        {
            return _last = AfterAsync(_last, text);
        }
    }

    private async Task AfterAsync(Task last, string text)
    {
        await last;
        try
        {
            await Out.Writer.WriteAsync(Encoding.UTF8.GetBytes(text));
        }
        catch (InvalidOperationException)
        {
            // It was killed.
        }
    }

    private async Task LoopAsync(Func<JsonObject, ScriptedProcess, Task> answer)
    {
        using var lines = new StreamReader(In.Reader.AsStream(leaveOpen: true));
        try
        {
            while (await lines.ReadLineAsync() is { } line && !IsDeaf)
            {
                var message = JsonNode.Parse(line)!.AsObject();
                Read.Enqueue(message);
                await answer(message, this);
            }
        }
        catch (Exception e) when (e is IOException or InvalidOperationException)
        {
            // It was killed.
        }
    }
}
