using System.Text.Json.Nodes;

namespace McpRuntime.CodeEngineDouble;

/// <summary>Tokens for one API key, each with an end.</summary>
internal sealed class Iam(string key, DoubleProject project)
{
    private readonly Dictionary<string, DateTimeOffset> _tokens = new(StringComparer.Ordinal);

    public int Issued { get; private set; }

    public bool Knows(string? authorization) =>
        authorization?.StartsWith("Bearer ", StringComparison.Ordinal) == true && _tokens.TryGetValue(authorization["Bearer ".Length..], out var until) && until > project.Now;

    public void RevokeAll() => _tokens.Clear();

    public (int Status, JsonObject Body) Ask(IFormCollection form)
    {
        if (form["grant_type"] != "urn:ibm:params:oauth:grant-type:apikey")
        {
            return (400, Error("BXNIM0108E", "Unsupported grant type."));
        }

        if (form["apikey"] != key)
        {
            return (400, Error("BXNIM0415E", "Provided API key could not be found."));
        }

        if (form["response_type"] == "delegated_refresh_token")
        {
            return (200, new JsonObject { ["delegated_refresh_token"] = "delegated-" + Guid.NewGuid().ToString("N") });
        }

        Issued++;
        var token = "token-" + Guid.NewGuid().ToString("N");
        var seconds = project.Switches.TokenSeconds;
        _tokens[token] = project.Now.AddSeconds(seconds);
        return (200, new JsonObject
        {
            ["access_token"] = token, ["refresh_token"] = "not_supported", ["token_type"] = "Bearer", ["expires_in"] = seconds, ["expiration"] = project.Now.AddSeconds(seconds).ToUnixTimeSeconds(),
        });
    }

    private static JsonObject Error(string code, string message) => new() { ["errorCode"] = code, ["errorMessage"] = message, ["context"] = new JsonObject { ["requestId"] = Guid.NewGuid().ToString() } };
}
