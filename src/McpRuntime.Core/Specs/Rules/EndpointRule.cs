namespace McpRuntime.Core.Specs.Rules;

/// <summary>Where the server listens and how it speaks: the caller's word, else the catalog entry's, else found by probing.</summary>
internal sealed class EndpointRule : IAdmissionRule
{
    public void Apply(AdmissionDraft draft)
    {
        Port(draft);
        Path(draft);
        Transport(draft);
        Gateway(draft);
    }

    private static void Port(AdmissionDraft draft)
    {
        draft.EndpointPort = draft.Request.EndpointPort ?? draft.Entry?.EndpointPort;
        if (draft.EndpointPort is < 1 or > 65535)
        {
            draft.Wrong("endpoint_port", $"{draft.EndpointPort} is not a port: 1 to 65535");
        }
    }

    private static void Path(AdmissionDraft draft)
    {
        if ((draft.Request.EndpointPath ?? draft.Entry?.EndpointPath) is not { } text)
        {
            return;
        }

        if (EndpointPath.TryParse(text, out var path, out var why))
        {
            draft.EndpointPath = path.Value;
        }
        else
        {
            draft.Wrong("endpoint_path", why);
        }
    }

    private static void Transport(AdmissionDraft draft)
    {
        if (draft.Request.GatewayTransport is not { } word)
        {
            draft.Transport = draft.Entry?.Transport ?? (IsOfDockersCatalog(draft) ? GatewayTransport.Stdio : null);
        }
        else if (TransportWord.TryParse(word, out var transport))
        {
            draft.Transport = transport;
        }
        else
        {
            draft.Wrong("gateway_transport", $"{Quoted.Of(word)} is not a transport: SSE, STREAMABLEHTTP or STDIO");
        }
    }

    /// <summary>Docker's own images of MCP servers speak over stdin and stdout, unless somebody says where they listen.</summary>
    private static bool IsOfDockersCatalog(AdmissionDraft draft) =>
        draft is { EndpointPort: null, EndpointPath: null, Source: Source.Docker docker }
        && ImageReference.TryParse(docker.Image, out var image, out _)
        && image.ToString().StartsWith("docker.io/mcp/", StringComparison.Ordinal);

    // It becomes a part of /mcp/{name} and the name in an outer gateway: what both take.
    private static void Gateway(AdmissionDraft draft)
    {
        if (draft.Request.GatewayName is { } name && (name.Length is 0 or > 253 || !char.IsAsciiLetterOrDigit(name[0]) || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')))
        {
            draft.Wrong("gateway_name", $"{Quoted.Of(name)}: letters, digits, \".\", \"_\" and \"-\", beginning with a letter or digit, at most 253");
        }
    }
}
