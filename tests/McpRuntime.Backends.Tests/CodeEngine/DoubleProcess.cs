using System.Diagnostics;
using System.Text.Json.Nodes;
using McpRuntime.Doubles.Driver;

namespace McpRuntime.CodeEngineDouble.Driver;

/// <summary>The double of Code Engine and IAM.</summary>
internal sealed class DoubleProcess : DoubleProgram
{
    public const string ApiKey = "k3y-0f-th3-d0ubl3";
    public const string Project = "11111111-2222-3333-4444-555555555555";

    private DoubleProcess((Process Process, Uri Url) started)
        : base(started)
    {
    }

    public static async Task<DoubleProcess> StartAsync() => new(await StartAsync("CodeEngineDouble", "--api-key", ApiKey, "--project", Project));

    public Task SwitchAsync(object switches) => SendAsync(HttpMethod.Post, "switches", switches);

    public Task ScriptAsync(object script) => SendAsync(HttpMethod.Post, "scripts", script);

    public Task TroubleAsync(string call, string kind, int skip = 0, int times = 1, int seconds = 1) => SendAsync(HttpMethod.Post, "troubles", new { call, kind, skip, times, seconds });

    /// <summary>Calls that went wrong because of a trouble that is still there.</summary>
    public async Task<int> TroubledAsync() => (await SendAsync(HttpMethod.Get, "troubles"))!.GetValue<int>();

    public Task NoMoreTroubleAsync() => SendAsync(HttpMethod.Delete, "troubles");

    public Task ResetAsync() => SendAsync(HttpMethod.Post, "reset");

    public Task RevokeTokensAsync() => SendAsync(HttpMethod.Delete, "tokens");

    public async Task<int> TokensAsync() => (await SendAsync(HttpMethod.Get, "tokens"))!.GetValue<int>();

    public async Task<JsonObject> StateAsync() => (await SendAsync(HttpMethod.Get, "state"))!.AsObject();

    public async Task<IReadOnlyList<string>> CallsAsync() =>
        [.. (await SendAsync(HttpMethod.Get, "calls"))!.AsArray().Select(c => $"{c!["method"]} {c["path"]} {c["status"]}")];

    /// <summary>Each with method, path, status, query, and all headers but Authorization.</summary>
    public async Task<IReadOnlyList<JsonNode>> RequestsAsync() => [.. (await SendAsync(HttpMethod.Get, "calls"))!.AsArray().Select(c => c!)];

    public Task ForgetCallsAsync() => SendAsync(HttpMethod.Delete, "calls");
}
