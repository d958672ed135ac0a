using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace McpRuntime.SampleServer;

/// <summary>
/// What the protocol's conformance suite expects of a server under test, by name and word: with SAMPLE_CONFORMANCE=1 this server offers
/// it, so that the suite has every feature to try through a gateway (progress, logging, sampling, elicitation, subscriptions).
/// </summary>
internal static class ConformanceFeatures
{
    private const string Pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
    private const string Silence = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";
    private const string NoArguments = """{"type": "object", "properties": {}}""";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private delegate Task<string> Call(RequestContext<CallToolRequestParams> request, CancellationToken ct);

    public static void AddTo(McpServerOptions options)
    {
        options.Capabilities = new()
        {
            Tools = new(),
            Prompts = new(),
            Resources = new() { Subscribe = true },
            Completions = new(),
            Logging = new(),
        };
        foreach (var (name, schema, call) in Tools)
        {
            options.ToolCollection!.Add(new JsonTool(name, schema, call));
        }

        var handlers = options.Handlers;
        handlers.ListPromptsHandler = (_, _) => Answer<ListPromptsResult>(Prompts);
        handlers.GetPromptHandler = (request, _) => Answer<GetPromptResult>(Prompt(request.Params!));
        handlers.ListResourcesHandler = (_, _) => Answer<ListResourcesResult>(Resources);
        handlers.ListResourceTemplatesHandler = (_, _) => Answer<ListResourceTemplatesResult>(Templates);
        handlers.ReadResourceHandler = (request, _) => Answer<ReadResourceResult>(Resource(request.Params!.Uri));
        handlers.SubscribeToResourcesHandler = (_, _) => ValueTask.FromResult(new EmptyResult());
        handlers.UnsubscribeFromResourcesHandler = (_, _) => ValueTask.FromResult(new EmptyResult());
        handlers.SetLoggingLevelHandler = (_, _) => ValueTask.FromResult(new EmptyResult());
        handlers.CompleteHandler = (_, _) => Answer<CompleteResult>("""{"completion": {"values": ["paris", "park", "party"], "total": 3, "hasMore": false}}""");
    }

    private static IEnumerable<(string Name, string Schema, Call Call)> Tools =>
    [
        ("test_simple_text", NoArguments, (_, _) => Said("This is a simple text response for testing.")),
        ("test_image_content", NoArguments, (_, _) => Content(Image)),
        ("test_audio_content", NoArguments, (_, _) => Content($$"""{"type": "audio", "data": "{{Silence}}", "mimeType": "audio/wav"}""")),
        ("test_embedded_resource", NoArguments, (_, _) => Content(Embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."))),
        ("test_multiple_content_types", NoArguments, (_, _) => Content(
            Text("Multiple content types test:"), Image, Embedded("test://mixed-content-resource", "application/json", """{"test":"data","value":123}"""))),
        ("test_error_handling", NoArguments, (_, _) => Task.FromResult($$"""{"isError": true, "content": [{{Text("This tool intentionally returns an error for testing")}}]}""")),
        ("test_tool_with_logging", NoArguments, LogAsync),
        ("test_tool_with_progress", NoArguments, ProgressAsync),
        ("test_sampling", """{"type": "object", "properties": {"prompt": {"type": "string"}}, "required": ["prompt"]}""", SampleAsync),
        ("test_elicitation", """{"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}""", (request, ct) => ElicitAsync(
            request,
            request.Params!.Arguments!["message"].GetString()!,
            """{"type": "object", "properties": {"username": {"type": "string", "description": "User's response"}, "email": {"type": "string", "description": "User's email address"}}, "required": ["username", "email"]}""",
            "User response: ",
            ct)),
        ("test_elicitation_sep1034_defaults", NoArguments, (request, ct) => ElicitAsync(request, "Defaults", Defaults, "Elicitation completed: ", ct)),
        ("test_elicitation_sep1330_enums", NoArguments, (request, ct) => ElicitAsync(request, "Choices", Choices, "Elicitation completed: ", ct)),
    ];

    private const string Defaults = """
        {"type": "object", "properties": {
          "name": {"type": "string", "default": "John Doe"}, "age": {"type": "integer", "default": 30}, "score": {"type": "number", "default": 95.5},
          "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"}, "verified": {"type": "boolean", "default": true}}}
        """;

    private const string Choices = """
        {"type": "object", "properties": {
          "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
          "titledSingle": {"type": "string", "oneOf": [{"const": "value1", "title": "First Option"}, {"const": "value2", "title": "Second Option"}, {"const": "value3", "title": "Third Option"}]},
          "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]},
          "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
          "titledMulti": {"type": "array", "items": {"anyOf": [{"const": "value1", "title": "First Choice"}, {"const": "value2", "title": "Second Choice"}, {"const": "value3", "title": "Third Choice"}]}}}}
        """;

    private const string Prompts = """
        {"prompts": [
          {"name": "test_simple_prompt", "description": "A prompt without arguments."},
          {"name": "test_prompt_with_arguments", "description": "A prompt with two arguments.", "arguments": [{"name": "arg1", "description": "First test argument", "required": true}, {"name": "arg2", "description": "Second test argument", "required": true}]},
          {"name": "test_prompt_with_embedded_resource", "description": "A prompt that embeds a resource.", "arguments": [{"name": "resourceUri", "description": "What to embed", "required": true}]},
          {"name": "test_prompt_with_image", "description": "A prompt with an image."}]}
        """;

    private const string Resources = """
        {"resources": [
          {"uri": "test://static-text", "name": "static-text", "description": "A text resource.", "mimeType": "text/plain"},
          {"uri": "test://static-binary", "name": "static-binary", "description": "A binary resource.", "mimeType": "image/png"},
          {"uri": "test://watched-resource", "name": "watched-resource", "description": "A resource to subscribe to.", "mimeType": "text/plain"}]}
        """;

    private const string Templates = """
        {"resourceTemplates": [{"uriTemplate": "test://template/{id}/data", "name": "template", "description": "A resource by id.", "mimeType": "application/json"}]}
        """;

    private static readonly string Image = $$"""{"type": "image", "data": "{{Pixel}}", "mimeType": "image/png"}""";

    private static async Task<string> LogAsync(RequestContext<CallToolRequestParams> request, CancellationToken ct)
    {
        foreach (var line in new[] { "Tool execution started", "Tool processing data", "Tool execution completed" })
        {
            await request.Server.SendNotificationAsync("notifications/message", new JsonObject { ["level"] = "info", ["data"] = line }, cancellationToken: ct);
            await Task.Delay(Pause, TimeProvider.System, ct);
        }

        return await Said("Logged three lines.");
    }

    private static async Task<string> ProgressAsync(RequestContext<CallToolRequestParams> request, CancellationToken ct)
    {
        foreach (var done in new[] { 0, 50, 100 })
        {
            if (request.Params!.ProgressToken is { } token)
            {
                await request.Server.NotifyProgressAsync(token, new ProgressNotificationValue { Progress = done, Total = 100 }, cancellationToken: ct);
            }

            await Task.Delay(Pause, TimeProvider.System, ct);
        }

        return await Said("Reported three times.");
    }

    private static async Task<string> SampleAsync(RequestContext<CallToolRequestParams> request, CancellationToken ct)
    {
        var prompt = request.Params!.Arguments!["prompt"].GetString()!;
        var answer = await AskAsync(request, "sampling/createMessage", $$"""{"messages": [{"role": "user", "content": {{Text(prompt)}}}], "maxTokens": 100}""", ct);
        return await Said($"LLM response: {answer["content"]?["text"]}");
    }

    private static async Task<string> ElicitAsync(RequestContext<CallToolRequestParams> request, string message, string schema, string prefix, CancellationToken ct)
    {
        var answer = await AskAsync(request, "elicitation/create", $$"""{"message": {{JsonSerializer.Serialize(message)}}, "requestedSchema": {{schema}}}""", ct);
        return await Said($"{prefix}action={answer["action"]}, content={answer["content"]?.ToJsonString()}");
    }

    private static async Task<JsonNode> AskAsync(RequestContext<CallToolRequestParams> request, string method, string parameters, CancellationToken ct)
    {
        var answer = await request.Server.SendRequestAsync(new JsonRpcRequest { Method = method, Params = JsonNode.Parse(parameters) }, ct);
        return answer.Result ?? new JsonObject();
    }

    private static string Prompt(GetPromptRequestParams asked)
    {
        string Argument(string name) => asked.Arguments?.TryGetValue(name, out var value) == true ? value.ToString() : "";
        return asked.Name switch
        {
            "test_simple_prompt" => Messages(Text("This is a simple prompt for testing.")),
            "test_prompt_with_arguments" => Messages(Text($"Prompt with arguments: arg1='{Argument("arg1")}', arg2='{Argument("arg2")}'")),
            "test_prompt_with_embedded_resource" => Messages(Embedded(Argument("resourceUri"), "text/plain", "Embedded resource content for testing."), Text("Please process the embedded resource above.")),
            "test_prompt_with_image" => Messages(Image, Text("Please analyze the image above.")),
            _ => throw new McpProtocolException($"There is no prompt {asked.Name}.", McpErrorCode.InvalidParams),
        };
    }

    private static string Resource(string uri)
    {
        if (uri is "test://static-binary")
        {
            return $$"""{"contents": [{"uri": "test://static-binary", "mimeType": "image/png", "blob": "{{Pixel}}"}]}""";
        }

        var parts = uri.Split('/');
        var (type, text) = uri switch
        {
            "test://static-text" => ("text/plain", "This is the content of the static text resource."),
            "test://watched-resource" => ("text/plain", "This resource may be watched."),
            _ when parts is ["test:", "", "template", var id, "data"] => ("application/json", $$"""{"id":"{{id}}","templateTest":true,"data":"Data for ID: {{id}}"}"""),
            _ => throw new McpProtocolException($"There is no resource {uri}.", McpErrorCode.InvalidParams),
        };
        return $$"""{"contents": [{"uri": {{JsonSerializer.Serialize(uri)}}, "mimeType": "{{type}}", "text": {{JsonSerializer.Serialize(text)}}}]}""";
    }

    private static string Text(string text) => $$"""{"type": "text", "text": {{JsonSerializer.Serialize(text)}}}""";

    private static string Embedded(string uri, string type, string text) =>
        $$"""{"type": "resource", "resource": {"uri": {{JsonSerializer.Serialize(uri)}}, "mimeType": "{{type}}", "text": {{JsonSerializer.Serialize(text)}} } }""";

    private static string Messages(params string[] contents) =>
        $$"""{"messages": [{{string.Join(", ", contents.Select(content => $$"""{"role": "user", "content": {{content}}}"""))}}]}""";

    private static Task<string> Said(string text) => Content(Text(text));

    private static Task<string> Content(params string[] blocks) => Task.FromResult($$"""{"content": [{{string.Join(", ", blocks)}}]}""");

    private static ValueTask<T> Answer<T>(string json) => ValueTask.FromResult(Of<T>(json));

    private static T Of<T>(string json) => JsonSerializer.Deserialize<T>(json, McpJsonUtilities.DefaultOptions)!;

    private sealed class JsonTool(string name, string schema, Call call) : McpServerTool
    {
        public override Tool ProtocolTool { get; } = new()
        {
            Name = name,
            Description = "Of the conformance suite.",
            InputSchema = JsonSerializer.Deserialize<JsonElement>(schema),
        };

        public override IReadOnlyList<object> Metadata => [];

        public override async ValueTask<CallToolResult> InvokeAsync(RequestContext<CallToolRequestParams> request, CancellationToken cancellationToken = default) =>
            Of<CallToolResult>(await call(request, cancellationToken));
    }
}
