using System.Diagnostics;
using System.Text.Json.Nodes;
using McpRuntime.Doubles.Driver;

namespace McpRuntime.ContextForgeDouble.Driver;

/// <summary>The double of ContextForge.</summary>
internal sealed class ContextForgeProcess : DoubleProgram
{
    public const string Token = "t0k3n-0f-c0nt3xtf0rg3";

    private ContextForgeProcess((Process Process, Uri Url) started)
        : base(started)
    {
    }

    public static async Task<ContextForgeProcess> StartAsync() => new(await StartAsync("ContextForgeDouble", "--token", Token));

    public Task SwitchAsync(object switches) => SendAsync(HttpMethod.Post, "switches", switches);

    public Task TroubleAsync(string call, string kind, int times = 1) => SendAsync(HttpMethod.Post, "troubles", new { call, kind, times });

    public Task NoMoreTroubleAsync() => SendAsync(HttpMethod.Delete, "troubles");

    public Task ResetAsync() => SendAsync(HttpMethod.Post, "reset");

    public async Task<IReadOnlyList<JsonObject>> GatewaysAsync() => [.. (await SendAsync(HttpMethod.Get, "gateways"))!.AsArray().Select(gateway => gateway!.AsObject())];

    public async Task<IReadOnlyList<string>> CallsAsync() => [.. (await SendAsync(HttpMethod.Get, "calls"))!.AsArray().Select(call => call!.GetValue<string>())];

    public Task ForgetCallsAsync() => SendAsync(HttpMethod.Delete, "calls");

    /// <summary>Somebody else's entry, past the API; gives its id.</summary>
    public async Task<string> AddAsync(object fields) => (await SendAsync(HttpMethod.Post, "gateways", fields))!.GetValue<string>();

    public Task ChangeByHandAsync(string id, object change) => SendAsync(HttpMethod.Post, $"gateways/{id}", change);

    public Task DeleteByHandAsync(string id) => SendAsync(HttpMethod.Delete, $"gateways/{id}");
}
