using System.Text.Json;

namespace McpRuntime.Gateways.Stdio;

/// <summary>The one handshake with a server: <c>server/discover</c>, else <c>initialize</c>. All its clients live on what it told.</summary>
internal sealed class Handshake(CallTable calls, Func<byte[], bool> send, BridgeLimits limits, TimeProvider time)
{
    /// <param name="mayDiscover">False for a server that ended when it was asked that before.</param>
    /// <exception cref="BridgeException">It ended, or is no MCP server.</exception>
    public async Task<ServerFacts> RunAsync(bool mayDiscover, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(limits.Start, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            return (mayDiscover ? await DiscoverAsync(either.Token) : null) ?? await InitializeAsync(either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new BridgeException(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"It answered no handshake within {limits.Start.TotalSeconds:0} s. Does it speak MCP over stdin and stdout?"));
        }
    }

    /// <returns>Null: it does not know this era.</returns>
    private async Task<ServerFacts?> DiscoverAsync(CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(limits.Discover, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            var answer = await calls.AskAsync(id => Frames.Request(id, "server/discover", to => Translation.Meta(to, Translation.OwnMeta)), either.Token);
            return answer.Result is { ValueKind: JsonValueKind.Object } result && Offers(result) ? new ServerFacts(IsStateless: true, Protocol.Stateless, result) : null;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task<ServerFacts> InitializeAsync(CancellationToken ct)
    {
        var answer = await calls.AskAsync(id => Frames.Request(id, "initialize", Initialize), ct);
        if (answer.Result is not { ValueKind: JsonValueKind.Object } result || Protocol.Text(result, "protocolVersion") is not { Length: > 0 and <= 32 } version)
        {
            throw new BridgeException($"It refused initialize: {(answer.Error is { } error ? Short(Protocol.Text(error, "message")) : "its answer names no protocol version")}.");
        }

        if (!send(Frames.Notification("notifications/initialized", parameters: null)))
        {
            throw new BridgeException("It does not take its input.");
        }

        return new ServerFacts(IsStateless: false, version, result);
    }

    // Everything that any client may turn out to be able to: a request for one that can't is refused when it comes.
    private static void Initialize(Utf8JsonWriter to)
    {
        to.WriteString("protocolVersion"u8, Protocol.NewestWithSessions);
        to.WritePropertyName("capabilities"u8);
        to.WriteRawValue("""{"sampling":{},"elicitation":{},"roots":{}}"""u8, skipInputValidation: true);
        to.WritePropertyName("clientInfo"u8);
        to.WriteRawValue(Translation.BridgeInfo, skipInputValidation: true);
    }

    private static bool Offers(JsonElement result) => result.TryGetProperty("supportedVersions"u8, out var versions)
        && versions.ValueKind == JsonValueKind.Array
        && versions.EnumerateArray().Any(version => version.ValueKind == JsonValueKind.String && version.ValueEquals(Protocol.Stateless));

    private static string Short(string? text) => text is null ? "without a word" : text.Length > 300 ? text[..300] : text;
}
