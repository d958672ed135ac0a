using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Http;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Registries;

/// <summary>What digest a tag is, by the registry's own API: one HEAD, and a token where it asks for one. Nothing is pulled.</summary>
internal sealed class RegistryDigests(PublicHttp http, RegistryCredentials credentials)
{
    private static readonly string[] Manifests =
    [
        "application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json",
    ];

    /// <exception cref="BackendFault">The registry is away, or says no.</exception>
    public async Task<string> FindAsync(ImageReference image, string? teamId, CancellationToken ct)
    {
        var login = await credentials.FindAsync(image.ToString(), teamId, ct);
        var host = image.Registry == "docker.io" ? "registry-1.docker.io" : image.Registry;
        var manifest = new Uri($"https://{host}/v2/{image.Repository}/manifests/{image.Tag}");
        var first = await HeadAsync(manifest, authorization: null, ct);
        if (first is { Status: HttpStatusCode.Unauthorized, Challenge: { } challenge })
        {
            first = await HeadAsync(manifest, await AnswerAsync(challenge, login, ct), ct);
        }

        return (first.Status, first.Digest) switch
        {
            (HttpStatusCode.OK, { } digest) => digest,
            (HttpStatusCode.NotFound, _) => throw new BackendFault(new Fault(FaultKind.Refused, "ImageNotFound", $"The registry has no {image}. Check the name and the tag.")),
            (HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden, _) => throw new BackendFault(new Fault(FaultKind.Refused, "ImageAccessDenied", $"The registry does not let us ask for {image}: add credentials to RUNTIME_REGISTRY_CREDENTIALS.")),
            (HttpStatusCode.TooManyRequests, _) => throw new BackendFault(new Fault(FaultKind.Throttled, "RegistryThrottled", $"The registry {host} asked for fewer calls.", TimeSpan.FromMinutes(1))),
            _ => throw new BackendFault(new Fault(FaultKind.Transient, "RegistryError", $"The registry {host} answered {(int)first.Status} without a digest for {image}.")),
        };
    }

    private async Task<(HttpStatusCode Status, string? Digest, AuthenticationHeaderValue? Challenge)> HeadAsync(Uri manifest, AuthenticationHeaderValue? authorization, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, manifest) { Headers = { Authorization = authorization } };
        request.Headers.TryAddWithoutValidation("Accept", Manifests);
        return await http.AskAsync(
            request,
            $"The registry {manifest.Host}",
            (reply, _) => Task.FromResult<(HttpStatusCode, string?, AuthenticationHeaderValue?)>(
                (reply.StatusCode, reply.Headers.TryGetValues("Docker-Content-Digest", out var values) ? values.FirstOrDefault() : null, reply.Headers.WwwAuthenticate.FirstOrDefault())),
            ct);
    }

    private async Task<AuthenticationHeaderValue?> AnswerAsync(AuthenticationHeaderValue challenge, RegistryLogin? login, CancellationToken ct)
    {
        var basic = login is { Username: { } user, Password: { } password } ? new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))) : null;
        if (!challenge.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
        {
            return basic;
        }

        var parts = (challenge.Parameter ?? "").Split(',').Select(p => p.Trim().Split('=', 2)).Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1].Trim('"'), StringComparer.OrdinalIgnoreCase);
        if (!Uri.TryCreate(parts.GetValueOrDefault("realm"), UriKind.Absolute, out var realm) || realm.Scheme != Uri.UriSchemeHttps)
        {
            return basic;
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"{realm}?service={Uri.EscapeDataString(parts.GetValueOrDefault("service", ""))}&scope={Uri.EscapeDataString(parts.GetValueOrDefault("scope", ""))}"));
        request.Headers.Authorization = basic;
        return await http.AskAsync(request, $"The registry's token service {realm.Host}", async (reply, limited) =>
        {
            await using var body = new BoundedStream(await reply.Content.ReadAsStreamAsync(limited), 1 << 20);
            try
            {
                var token = reply.IsSuccessStatusCode ? await JsonSerializer.DeserializeAsync<JsonElement>(body, JsonSerializerOptions.Default, limited) : default;
                var text = token.ValueKind == JsonValueKind.Object && (token.TryGetProperty("token", out var value) || token.TryGetProperty("access_token", out value)) ? value.GetString() : null;
                return text is null ? null : new AuthenticationHeaderValue("Bearer", text);
            }
            catch (JsonException)
            {
                return null; // Asked without a token, the registry then says its own no.
            }
        }, ct);
    }
}
