using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace McpRuntime.Acceptance.Tests.Harness;

internal sealed record Answer(HttpStatusCode Status, JsonNode? Body, string Text, HttpResponseHeaders Headers)
{
    public Answer Expect(HttpStatusCode status) =>
        Status == status ? this : throw new InvalidOperationException($"Expected {(int)status}, was {(int)Status}: {Text}");
}

/// <summary>One runtime as the API shows it.</summary>
internal sealed class RuntimeShown(JsonObject body)
{
    public JsonObject Body { get; } = body;

    public string Id => Text("id")!;

    public string Name => Text("name")!;

    public string Status => Text("status")!;

    public string? ErrorMessage => Text("error_message");

    public long Generation => Body["generation"]!.GetValue<long>();

    public long ObservedGeneration => Body["observed_generation"]!.GetValue<long>();

    /// <summary>The generation that traffic goes to.</summary>
    public long? Serving => Body["revision"]?.GetValue<long>();

    /// <summary>What was asked last is what serves, and a client has been seen to reach it.</summary>
    public bool IsCurrent => Status == "connected" && Serving == Generation && ObservedGeneration == Generation;

    public IReadOnlyDictionary<string, ControlShown> Report => Items("guardrails_report")
        .Select(item => new ControlShown(item["control"]!.GetValue<string>(), item["outcome"]!.GetValue<string>(), item["where"]?.GetValue<string>(), item["observed"]?.GetValue<string>()))
        .ToDictionary(control => control.Control, StringComparer.Ordinal);

    public JsonObject Condition(string type) =>
        Items("conditions").Single(condition => string.Equals(condition["type"]!.GetValue<string>(), type, StringComparison.OrdinalIgnoreCase));

    public bool Is(string type) =>
        Items("conditions").Any(condition => string.Equals(condition["type"]!.GetValue<string>(), type, StringComparison.OrdinalIgnoreCase)
            && string.Equals(condition["status"]!.GetValue<string>(), "true", StringComparison.OrdinalIgnoreCase));

    /// <summary>What a failed test has to say of it, in a few lines.</summary>
    public override string ToString() => string.Join('\n', [
        $"{Name} is {Status}, generation {ObservedGeneration} of {Generation} seen; {ErrorMessage ?? "no error"}",
        .. Items("conditions").Select(item => $"  {item["type"]}={item["status"]} {item["reason"]}: {item["message"]}"),
    ]);

    private string? Text(string field) => Body[field]?.GetValue<string>();

    private IEnumerable<JsonObject> Items(string field) => Body[field]?.AsArray().Select(item => item!.AsObject()) ?? [];
}

internal sealed record ControlShown(string Control, string Outcome, string? Where, string? Observed)
{
    public bool IsEnforced => string.Equals(Outcome, "enforced", StringComparison.OrdinalIgnoreCase);
}

/// <summary>The REST API as a client sees it. Remembers the id of everything it deployed.</summary>
internal sealed class RuntimeApi(Uri address, Func<string> readToken, List<string> records) : IDisposable
{
    public static readonly TimeSpan Settled = TimeSpan.FromSeconds(90);

    private readonly HttpClient _http = new() { BaseAddress = address, Timeout = TimeSpan.FromSeconds(660) };
    private string? _token;

    public Uri Address { get; } = address;

    public string Token => _token ??= readToken();

    public Uri Mcp(string name) => new(Address, $"/mcp/{name}");

    public async Task<bool> IsReadyAsync()
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri("/healthz", UriKind.Relative));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    public async Task<Answer> SendAsync(HttpMethod method, string path, JsonNode? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (body is not null)
        {
            request.Content = JsonContent.Create(body);
        }

        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var isJson = response.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) == true;
        return new Answer(response.StatusCode, isJson && text.Length > 0 ? JsonNode.Parse(text) : null, text, response.Headers);
    }

    public Task<Answer> GetAsync(string path) => SendAsync(HttpMethod.Get, path);

    public async Task<RuntimeShown> DeployAsync(JsonObject request, int waitSeconds = 0)
    {
        var path = waitSeconds == 0 ? "/runtimes/deploy" : $"/runtimes/deploy?wait_seconds={waitSeconds}";
        var answer = (await SendAsync(HttpMethod.Post, path, request)).Expect(HttpStatusCode.Created);
        var runtime = new RuntimeShown(answer.Body!["runtime"]!.AsObject());
        lock (records)
        {
            records.Add(runtime.Id);
        }

        return runtime;
    }

    public async Task<RuntimeShown> FindAsync(string idOrName) =>
        new((await GetAsync($"/runtimes/{idOrName}")).Expect(HttpStatusCode.OK).Body!.AsObject());

    public Task<Answer> CommandAsync(string idOrName, string command) => SendAsync(HttpMethod.Post, $"/runtimes/{idOrName}/{command}");

    public Task<Answer> DeleteAsync(string idOrName) => SendAsync(HttpMethod.Delete, $"/runtimes/{idOrName}");

    /// <param name="service">Null: all of them.</param>
    public async Task<IReadOnlyList<string>> LogsAsync(string idOrName, string? service = null) =>
        [.. (await GetAsync($"/runtimes/{idOrName}/logs?tail=5000{(service is null ? "" : "&service=" + service)}")).Expect(HttpStatusCode.OK).Body!["logs"]!.AsArray().Select(line => line!.GetValue<string>())];

    public async Task<IReadOnlyList<string>> EventKindsAsync(string id) =>
        [.. (await GetAsync($"/runtimes/{id}/events?limit=500")).Expect(HttpStatusCode.OK).Body!["events"]!.AsArray().Select(item => item!["kind"]!.GetValue<string>())];

    public Task<RuntimeShown> UntilAsync(string id, string status, TimeSpan? atMost = null) => UntilAsync(id, runtime => runtime.Status == status, $"is {status}", atMost);

    public Task<RuntimeShown> UntilAsync(string id, Func<RuntimeShown, bool> right, string what, TimeSpan? atMost = null) =>
        Eventually.IsAsync(() => FindAsync(id), right, atMost ?? Settled, last => $"wanted: {what}; last seen: {last}");

    /// <summary>Every live runtime, until each is a tombstone.</summary>
    public async Task DeleteAllAsync()
    {
        string[] ids;
        lock (records)
        {
            ids = [.. records.Distinct(StringComparer.Ordinal)];
        }

        foreach (var id in ids)
        {
            await DeleteAsync(id);
        }

        foreach (var id in ids)
        {
            await UntilAsync(id, "deleted");
        }
    }

    public void Dispose() => _http.Dispose();
}
