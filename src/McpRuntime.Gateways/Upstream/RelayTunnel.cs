using System.Text;
using McpRuntime.Core.Specs;

namespace McpRuntime.Gateways.Upstream;

/// <summary>The client's side of the guard's relay: one CONNECT, then the stream is the server's own.</summary>
internal static class RelayTunnel
{
    private const int MaxHead = 8 * 1024;

    public static async Task OpenAsync(Stream relay, string target, SecretText? token, CancellationToken ct)
    {
        var authorization = token is null ? "" : $"Proxy-Authorization: Bearer {token.Reveal()}\r\n";
        await relay.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n"), ct);
        var (head, rest) = await HeadAsync(relay, ct);
        var status = StatusOf(head);
        if (status == 200)
        {
            // An HTTP server never speaks first: bytes behind the head belong to nobody, and must not become the answer to a request.
            if (rest.Length > 0)
            {
                throw new RelayRefusedException("the guard sent more than an answer to CONNECT");
            }

            return;
        }

        throw new RelayRefusedException(status switch
        {
            401 or 407 => "the guard does not accept our token",
            _ => $"the guard does not relay to {target}: {status} {rest.Trim()}".TrimEnd(),
        });
    }

    /// <returns>The head, and what came along behind it.</returns>
    private static async Task<(string Head, string Tail)> HeadAsync(Stream relay, CancellationToken ct)
    {
        var head = new byte[MaxHead];
        var length = 0;
        while (length < MaxHead)
        {
            var read = await relay.ReadAsync(head.AsMemory(length), ct);
            if (read == 0)
            {
                throw new RelayRefusedException("the guard closed the connection without an answer");
            }

            length += read;
            var end = head.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end >= 0)
            {
                var rest = Math.Min(length - end - 4, 200);
                return (Encoding.Latin1.GetString(head, 0, end), Encoding.Latin1.GetString(head, end + 4, rest));
            }
        }

        throw new RelayRefusedException("the guard's answer to CONNECT does not end");
    }

    private static int StatusOf(string head)
    {
        var parts = head.Split(' ', 3);
        return parts.Length >= 2 && parts[0].StartsWith("HTTP/1.", StringComparison.Ordinal) && int.TryParse(parts[1], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var status)
            ? status
            : throw new RelayRefusedException("what answers at the guard's address does not speak HTTP");
    }
}

/// <summary>No tunnel was opened, so nothing was sent to the server.</summary>
internal sealed class RelayRefusedException(string message) : IOException(message);
