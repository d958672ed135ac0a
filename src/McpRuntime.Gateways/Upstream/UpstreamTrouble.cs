using System.Net.Sockets;
using McpRuntime.Core.Planning;

namespace McpRuntime.Gateways.Upstream;

/// <summary>What an exception from the wire says of the server, in plain words.</summary>
/// <param name="NothingSent">No connection was had: the call cannot have been executed.</param>
internal sealed record UpstreamTrouble(bool NothingSent, string Message)
{
    public static UpstreamTrouble Of(Exception exception, UpstreamAddress address)
    {
        var where = $"{UpstreamConnector.Bracketed(address.Host)}:{address.Port.ToString(System.Globalization.CultureInfo.InvariantCulture)}";
        for (var at = exception; at is not null; at = at.InnerException)
        {
            switch (at)
            {
                case RelayRefusedException refused:
                    return new(true, refused.Message);
                case SocketException { SocketErrorCode: SocketError.ConnectionRefused }:
                    return new(true, address.Relay is null ? $"nothing listens on {where} (connection refused)" : $"the guard at {address.Relay} is away (connection refused)");
                case SocketException { SocketErrorCode: SocketError.HostUnreachable or SocketError.NetworkUnreachable }:
                    return new(true, $"no way to {where} (unreachable)");
                case SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData }:
                    return new(true, $"the name {address.Host} does not resolve");
            }
        }

        return exception switch
        {
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError } => new(true, $"no connection to {where}"),
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => new(true, $"no TLS connection to {where}"),
            HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } => new(false, $"what listens on {where} does not speak HTTP"),
            HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } => new(false, $"the answer of {where} has too long a head"),
            _ => new(false, $"{where} closed the connection before the end of its answer"),
        };
    }
}
