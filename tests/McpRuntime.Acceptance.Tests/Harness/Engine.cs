using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>A Docker Engine as it is, asked over its own socket: the oracle that owes nothing to the code under test.</summary>
internal sealed class Engine : IDisposable
{
    public const string RecordLabel = "dev.mcpruntime/record";
    public const string InstanceLabel = "dev.mcpruntime/instance";

    public static readonly Engine Local = new("/var/run/docker.sock");

    private readonly HttpClient _http;

    public Engine(string socket)
    {
        Socket = socket;
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, ct) =>
            {
                var unix = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await unix.ConnectAsync(new UnixDomainSocketEndPoint(socket), ct);
                return new NetworkStream(unix, ownsSocket: true);
            },
        })
        {
            BaseAddress = new Uri("http://docker"),
        };
    }

    public string Socket { get; }

    public Task<IReadOnlyList<JsonObject>> ContainersAsync(string label) => ListAsync($"/containers/json?all=1&filters={Filter(label)}");

    public Task<IReadOnlyList<JsonObject>> NetworksAsync(string label) => ListAsync($"/networks?filters={Filter(label)}");

    public async Task<IReadOnlyList<JsonObject>> VolumesAsync(string label) =>
        Objects((await GetAsync($"/volumes?filters={Filter(label)}"))["Volumes"] as JsonArray);

    /// <summary>Named or not; not the layers below them.</summary>
    public Task<IReadOnlyList<JsonObject>> ImagesAsync(string label) => ListAsync($"/images/json?filters={Filter(label)}");

    public Task<IReadOnlyList<JsonObject>> OfRecordAsync(string recordId) => ContainersAsync($"{RecordLabel}={recordId}");

    /// <summary>The record's one container, inspected.</summary>
    public async Task<JsonObject> TheContainerAsync(string recordId)
    {
        var containers = await OfRecordAsync(recordId);
        return containers.Count == 1
            ? await InspectAsync(containers[0]["Id"]!.GetValue<string>())
            : throw new InvalidOperationException($"{containers.Count} containers carry the label of record {recordId}: {string.Join(", ", containers.Select(found => found["Names"]!.ToJsonString()))}");
    }

    public async Task<JsonObject> InspectAsync(string container) => (await GetAsync($"/containers/{container}/json")).AsObject();

    public async Task<JsonObject> NetworkAsync(string network) => (await GetAsync($"/networks/{network}")).AsObject();

    public Task PostAsync(string path, JsonNode? body = null) => SendAsync(HttpMethod.Post, path, body);

    public Task KillContainerAsync(string id) => PostAsync($"/containers/{id}/kill");

    public Task PauseAsync(string id) => PostAsync($"/containers/{id}/pause");

    public Task RemoveContainerAsync(string id) => SendAsync(HttpMethod.Delete, $"/containers/{id}?force=1&v=1", null);

    public Task RemoveNetworkAsync(string id) => SendAsync(HttpMethod.Delete, $"/networks/{id}", null);

    public Task RemoveVolumeAsync(string name) => SendAsync(HttpMethod.Delete, $"/volumes/{name}?force=1", null);

    public void Dispose() => _http.Dispose();

    private async Task<IReadOnlyList<JsonObject>> ListAsync(string path) => Objects(await GetAsync(path) as JsonArray);

    private static IReadOnlyList<JsonObject> Objects(JsonArray? items) => items is null ? [] : [.. items.Select(item => item!.AsObject())];

    private async Task<JsonNode> GetAsync(string path)
    {
        using var response = await _http.GetAsync(new Uri(path, UriKind.Relative));
        var text = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode ? JsonNode.Parse(text)! : throw new InvalidOperationException($"GET {path}: {(int)response.StatusCode} {text}");
    }

    private async Task SendAsync(HttpMethod method, string path, JsonNode? body)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        }

        using var response = await _http.SendAsync(request);
        if (!response.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{method} {path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        }
    }

    private static string Filter(string label) => Uri.EscapeDataString($$"""{"label":["{{label}}"]}""");
}
