using System.Net;
using System.Net.Http.Headers;

namespace McpRuntime.Backends.Docker.Wire;

internal sealed partial class DockerWire
{
    /// <summary>
    /// The connection itself, taken over: what is written is the container's stdin as it is, what is read is its output in frames (see
    /// <see cref="OutputFrames"/>). Works on a container that is not started yet. Null: there is none. The caller disposes what it gets.
    /// </summary>
    public Task<Stream?> AttachAsync(string id, bool stdin, bool stdout, bool stderr, CancellationToken ct)
    {
        var path = $"/containers/{Segment(id)}/attach?stream=1&stdin={Flag(stdin)}&stdout={Flag(stdout)}&stderr={Flag(stderr)}";
        return GuardedAsync(path, Usual, async limited =>
        {
            var version = _version ??= await NegotiateAsync(limited);
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/v{version}{path}");
            request.Headers.Connection.Add("Upgrade");
            request.Headers.Upgrade.Add(new ProductHeaderValue("tcp"));
            var reply = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limited);
            if (reply.StatusCode == HttpStatusCode.SwitchingProtocols)
            {
                // The stream owns the connection; the reply around it holds nothing more.
                return await reply.Content.ReadAsStreamAsync(limited);
            }

            using (reply)
            {
                if (reply.StatusCode != HttpStatusCode.NotFound)
                {
                    await ThrowUnlessSuccessAsync(reply, path, limited);
                }

                return null;
            }
        }, ct);
    }

    /// <summary>Kills what runs and starts it again, in one call. False: there is none.</summary>
    public async Task<bool> RestartContainerAsync(string id, CancellationToken ct)
    {
        var (status, _) = await StatusAsync(HttpMethod.Post, $"/containers/{Segment(id)}/restart?t=0", content: null, ct, timeout: null, HttpStatusCode.NotFound);
        return status != HttpStatusCode.NotFound;
    }

    private static char Flag(bool value) => value ? '1' : '0';
}
