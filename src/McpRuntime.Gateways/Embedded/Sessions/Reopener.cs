using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using McpRuntime.Gateways.Embedded.Probing;
using McpRuntime.Gateways.Upstream;

namespace McpRuntime.Gateways.Embedded.Sessions;

/// <summary>Opens and closes a server's sessions in a client's name: with the very parameters that the client once sent.</summary>
internal sealed class Reopener(UpstreamConnector upstream, SessionSeal seal)
{
    /// <param name="subject">Whose it is: a bridge keeps its sessions apart by caller.</param>
    /// <param name="version">What the client goes on to say it speaks; a server that now answers another version is not transparent.</param>
    public async Task<(string? Inner, GatewayError? Error)> OpenAsync(GatewayRoute route, string subject, string parameters, string? version, CancellationToken ct)
    {
        try
        {
            using var request = Post(route, subject, $$"""{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{parameters}}}""", session: null, version: null);
            using var response = await upstream.SendAsync(route.Address, request, ct);
            var answer = await ReadAsync(response, request.RequestUri!, ct);
            if (answer.Session is not { } inner || answer.Version is not { } negotiated)
            {
                return (null, GatewayError.SessionEnded);
            }

            if (version is not null && negotiated != version)
            {
                await CloseAsync(route, subject, inner, ct);
                return (null, GatewayError.SessionEnded);
            }

            using var told = Post(route, subject, """{"jsonrpc":"2.0","method":"notifications/initialized"}""", inner, negotiated);
            using var taken = await upstream.SendAsync(route.Address, told, ct);
            return taken.IsSuccessStatusCode ? (inner, null) : (null, GatewayError.SessionEnded);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
        {
            // Nothing of the client's was sent: it may simply try again.
            return (null, GatewayError.Unreachable(route.Name, UpstreamTrouble.Of(e, route.Address).Message));
        }
    }

    /// <summary>A courtesy: servers need not offer it, and one that is gone has no sessions.</summary>
    public Task CloseAsync(GatewayRoute route, StoredSession session, CancellationToken ct) =>
        session.Instance == route.Instance && seal.Open(SealPurpose.Session, route, session.Subject, session.Upstream) is { } inner ? CloseAsync(route, session.Subject, inner, ct) : Task.CompletedTask;

    public async Task CloseAsync(GatewayRoute route, string subject, string inner, CancellationToken ct)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Delete, UpstreamConnector.UriOf(route.Address, route.Path));
            request.Options.Set(Stdio.ReplicaLink.Caller, subject);
            request.Headers.TryAddWithoutValidation(HeaderPolicy.SessionId, inner);
            using var response = await upstream.SendAsync(route.Address, request, ct);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return;
        }
    }

    private static HttpRequestMessage Post(GatewayRoute route, string subject, string body, string? session, string? version)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, UpstreamConnector.UriOf(route.Address, route.Path)) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Options.Set(Stdio.ReplicaLink.Caller, subject);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        if (session is not null)
        {
            request.Headers.TryAddWithoutValidation(HeaderPolicy.SessionId, session);
            request.Headers.TryAddWithoutValidation(HeaderPolicy.ProtocolVersion, version);
        }

        return request;
    }

    private static async Task<(string? Session, string? Version)> ReadAsync(HttpResponseMessage response, Uri asked, CancellationToken ct)
    {
        var answer = await McpAnswer.ReadAsync(response, asked, 0, ct);
        return (
            answer.SessionId is { } id && HeaderPolicy.IsVisibleAscii(id) ? id : null,
            answer.Result is { } result && McpMessages.Text(result, "protocolVersion") is { Length: <= 32 } version ? version : null);
    }
}
