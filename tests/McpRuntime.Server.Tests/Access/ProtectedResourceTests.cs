using System.Net;
using System.Net.Http.Json;
using McpRuntime.Server.Tests.Rest;

namespace McpRuntime.Server.Tests.Access;

/// <summary>RFC 9728, as MCP's authorization has it: the 401 leads to the metadata, the metadata to the authorization server.</summary>
internal sealed class ProtectedResourceTests
{
    [Test]
    public async Task A_refused_client_finds_the_authorization_server()
    {
        await using var service = await TestService.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_OIDC_AUTHORITY"] = "https://login.example.org/realms/mcp",
            ["RUNTIME_OIDC_AUDIENCE"] = "mcp",
            ["RUNTIME_PUBLIC_URL"] = "https://mcp.example.org/base",
        });
        using var anonymous = service.Client(null);

        using var refused = await anonymous.PostAsJsonAsync("/mcp/whatever", new { });
        refused.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        refused.Headers.WwwAuthenticate.ToString().Should().Be("Bearer resource_metadata=\"https://mcp.example.org/base/.well-known/oauth-protected-resource/mcp/whatever\"");
        using var shouted = await anonymous.PostAsJsonAsync("/MCP/whatever", new { });
        shouted.Headers.WwwAuthenticate.ToString().Should().Contain("resource_metadata=", "routing overlooks case");
        using var forged = service.Client("nonsense");
        using var refusedToo = await forged.PostAsJsonAsync("/mcp/whatever", new { });
        refusedToo.Headers.WwwAuthenticate.ToString().Should().Contain("error=\"invalid_token\"").And.Contain("resource_metadata=");

        var metadata = await anonymous.GetAsync("/.well-known/oauth-protected-resource/mcp/whatever", HttpStatusCode.OK);
        metadata.Text("resource").Should().Be("https://mcp.example.org/base/mcp/whatever");
        metadata.GetProperty("authorization_servers").EnumerateArray().Select(server => server.GetString()).Should().Equal("https://login.example.org/realms/mcp");
        metadata.GetProperty("bearer_methods_supported").EnumerateArray().Select(method => method.GetString()).Should().Equal("header");

        using var api = await anonymous.GetAsync("/runtimes");
        api.Headers.WwwAuthenticate.ToString().Should().Be("Bearer", "the API is no MCP resource");
    }
}
