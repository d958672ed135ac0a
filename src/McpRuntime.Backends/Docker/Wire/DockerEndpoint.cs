using System.Globalization;

namespace McpRuntime.Backends.Docker.Wire;

/// <summary>Where the engine listens: a unix socket, or TCP with or without TLS.</summary>
/// <param name="SocketPath">Null for TCP.</param>
/// <param name="CertificateFolder">Holds <c>ca.pem</c>, <c>cert.pem</c>, <c>key.pem</c>; null = plain TCP or a socket.</param>
internal sealed record DockerEndpoint(string? SocketPath, string Host, int Port, string? CertificateFolder)
{
    /// <summary>Only for a local engine do bridge addresses and the host's routes mean the same to us as to it.</summary>
    public bool IsLocal => SocketPath is not null;

    public string Description => SocketPath is null ? $"tcp://{Host}:{Port.ToString(CultureInfo.InvariantCulture)}" : $"unix://{SocketPath}";

    /// <summary>DOCKER_HOST's notation: <c>unix:///path</c>, a bare path, or <c>tcp://host:port</c>.</summary>
    /// <exception cref="FormatException">Says what was found and what is allowed.</exception>
    public static DockerEndpoint Parse(string text, string? certificateFolder)
    {
        if (text.StartsWith("unix://", StringComparison.Ordinal))
        {
            return new DockerEndpoint(text["unix://".Length..], "docker", 80, null);
        }

        if (text.StartsWith('/'))
        {
            return new DockerEndpoint(text, "docker", 80, null);
        }

        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "tcp" or "http" or "https")
        {
            var port = uri.Port > 0 && !uri.IsDefaultPort ? uri.Port : certificateFolder is null ? 2375 : 2376;
            return new DockerEndpoint(null, uri.Host, port, certificateFolder);
        }

        throw new FormatException($"\"{text}\" is not an engine address: unix:///path, /path or tcp://host:port is expected.");
    }
}
