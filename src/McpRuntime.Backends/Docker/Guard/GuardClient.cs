using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Guard;

/// <summary>The guard's control port, as its one caller sees it. Throws only <see cref="BackendFault"/>.</summary>
internal sealed class GuardClient(GuardOptions options, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(1) })
    {
        Timeout = Timeout.InfiniteTimeSpan,
        MaxResponseContentBufferSize = 16 << 20,
    };

    public void Dispose() => _http.Dispose();

    /// <summary>Null: nobody answers yet.</summary>
    /// <param name="control"><c>host:port</c>.</param>
    public async Task<GuardHealth?> HealthAsync(string control, CancellationToken ct)
    {
        try
        {
            return await CallAsync<GuardHealth>(HttpMethod.Get, control, "healthz", null, ct);
        }
        catch (BackendFault)
        {
            return null;
        }
    }

    public async Task<IReadOnlyList<GuardPolicy>> PoliciesAsync(string control, CancellationToken ct) =>
        (await CallAsync<GuardPolicyList>(HttpMethod.Get, control, "policies", null, ct))?.Policies ?? [];

    public Task PutPolicyAsync(string control, GuardPolicy policy, CancellationToken ct) =>
        CallAsync<GuardPolicy>(HttpMethod.Put, control, $"policies/{policy.Id}", policy, ct);

    public Task RemovePolicyAsync(string control, string id, CancellationToken ct) =>
        CallAsync<GuardPolicy>(HttpMethod.Delete, control, $"policies/{id}", null, ct);

    public async Task<GuardRefusalPage> RefusalsAsync(string control, long after, CancellationToken ct) =>
        await CallAsync<GuardRefusalPage>(HttpMethod.Get, control, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"refusals?after={after}"), null, ct)
            ?? throw Fault(FaultKind.Transient, "it answered with nothing");

    public async Task<GuardTrafficList> TrafficAsync(string control, CancellationToken ct) =>
        await CallAsync<GuardTrafficList>(HttpMethod.Get, control, "traffic", null, ct) ?? throw Fault(FaultKind.Transient, "it answered with nothing");

    private async Task<T?> CallAsync<T>(HttpMethod method, string control, string path, object? body, CancellationToken ct)
        where T : class
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, ct);
        try
        {
            using var request = new HttpRequestMessage(method, new Uri($"http://{control}/{path}"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", options.Token.Reveal());
            request.Content = body is null ? null : JsonContent.Create(body, body.GetType(), options: GuardJson.Options);
            using var reply = await _http.SendAsync(request, limited.Token);
            if (reply.IsSuccessStatusCode)
            {
                return reply.StatusCode == HttpStatusCode.NoContent ? null : await reply.Content.ReadFromJsonAsync<T>(GuardJson.Options, limited.Token);
            }

            var kind = reply.StatusCode switch
            {
                HttpStatusCode.Unauthorized => FaultKind.Unauthorized,
                HttpStatusCode.UnprocessableEntity or HttpStatusCode.BadRequest => FaultKind.Refused,
                _ => FaultKind.Transient,
            };
            throw Fault(kind, $"{(int)reply.StatusCode} {await reply.Content.ReadAsStringAsync(limited.Token)}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
        {
            throw Fault(FaultKind.Transient, e.Message, e);
        }
        catch (OperationCanceledException e) when (patience.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            throw Fault(FaultKind.Transient, "it did not answer in time", e);
        }
    }

    private static BackendFault Fault(FaultKind kind, string words, Exception? inner = null) =>
        new(new Fault(kind, kind == FaultKind.Refused ? "PolicyRefused" : "GuardUnreachable", $"The guard's control port: {words}"), inner);
}
