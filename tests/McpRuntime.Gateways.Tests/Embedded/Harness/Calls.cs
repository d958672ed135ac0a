using System.Text;

namespace McpRuntime.Gateways.Tests.Embedded.Harness;

internal static class Calls
{
    /// <summary>A call with id 7.</summary>
    public const string Call = """{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}""";

    public static HttpRequestMessage Message(HttpMethod method, string path, string? body = null) =>
        new(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")) };

    public static Task<HttpResponseMessage> SendAsync(GatewayHost gateway, HttpRequestMessage request) => gateway.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

    public static Task<HttpResponseMessage> PostAsync(GatewayHost gateway, string path, string body, params (string Name, string Value)[] headers)
    {
        var request = Message(HttpMethod.Post, path, body);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return SendAsync(gateway, request);
    }
}
