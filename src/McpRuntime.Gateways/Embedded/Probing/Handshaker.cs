using System.Text.Json;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways.Upstream;

namespace McpRuntime.Gateways.Embedded.Probing;

/// <summary>What is known of a server from its last passed handshake, so that the next one asks only what it is known to answer.</summary>
internal sealed record KnownServer(string Path, string Transport, bool Stateless);

/// <summary>The word of one handshake, before it is put beside those before it.</summary>
internal sealed record HandshakeWord(HandshakeVerdict Verdict, string Message)
{
    public string? ServerName { get; init; }

    public string? ServerVersion { get; init; }

    public string? ProtocolVersion { get; init; }

    public KnownServer? Server { get; init; }

    public ToolList? Tools { get; init; }
}

/// <summary>
/// A real handshake over the path a client's call takes: <c>server/discover</c>, else <c>initialize</c>, else HTTP+SSE, and the list
/// of tools. It finds the path where none is declared, leaves no session behind, and believes no server's word on where to connect.
/// </summary>
internal sealed class Handshaker(UpstreamConnector upstream, TimeProvider time)
{
    /// <summary>A server that never saw <c>server/discover</c> may sit on it; <c>initialize</c> must still get its turn within the try.</summary>
    private static readonly TimeSpan DiscoverTimeout = TimeSpan.FromSeconds(3);

    /// <summary>Whatever the server or the network does is a word, not an exception; only cancellation throws.</summary>
    public async Task<HandshakeWord> TryAsync(Endpoint endpoint, UpstreamAddress address, KnownServer? known, TimeSpan timeout, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            return known is null ? await FindAsync(endpoint, address, either.Token) : await AgainAsync(known, address, either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return Failed($"{UpstreamConnector.UriOf(address, "/").Authority} did not answer within {timeout.TotalSeconds:0} s. Is it an MCP server over HTTP, and is this its port?");
        }
        catch (AnswerTooLongException e)
        {
            return Failed($"{e.Message}, more than is read of one");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException or JsonException or UriFormatException or InvalidOperationException)
        {
            return Failed(e is HttpRequestException or IOException ? UpstreamTrouble.Of(e, address).Message : $"its answer can't be read: {Words.Plain(e.Message, 200)}");
        }
    }

    private async Task<HandshakeWord> AgainAsync(KnownServer known, UpstreamAddress address, CancellationToken ct)
    {
        var word = known.Transport == EmbeddedGateway.Sse
            ? await new LegacySseHandshake(upstream, address, known.Path).RunAsync(ct)
            : known.Stateless
                ? await new StreamableHandshake(upstream, address, known.Path).DiscoverAsync(ct)
                : await new StreamableHandshake(upstream, address, known.Path).InitializeAsync(ct);
        return word.Word;
    }

    private async Task<HandshakeWord> FindAsync(Endpoint endpoint, UpstreamAddress address, CancellationToken ct)
    {
        var tried = new List<string>();
        var paths = new Queue<string>(endpoint.Transport == GatewayTransport.Sse ? [] : endpoint.Path is { } declared ? [declared] : ["/mcp", "/"]);
        var redirects = 0;
        while (paths.TryDequeue(out var path))
        {
            var attempt = await StreamableAsync(address, path, ct);
            if (attempt.IsFinal)
            {
                return attempt.Word;
            }

            tried.Add(attempt.Word.Message);
            if (attempt.RedirectPath is { } next && redirects++ < 2)
            {
                paths.Enqueue(next);
            }
        }

        if (endpoint.Transport is GatewayTransport.Sse or null)
        {
            var attempt = await new LegacySseHandshake(upstream, address, endpoint.Path ?? "/sse").RunAsync(ct);
            if (attempt.IsFinal)
            {
                return attempt.Word;
            }

            tried.Add(attempt.Word.Message);
        }

        return Failed($"It answers, but not as an MCP server: {string.Join("; ", tried)}. If it has another path, set endpoint_path.");
    }

    private async Task<Attempt> StreamableAsync(UpstreamAddress address, string path, CancellationToken ct)
    {
        var handshake = new StreamableHandshake(upstream, address, path);
        using var limit = new CancellationTokenSource(DiscoverTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        try
        {
            var attempt = await handshake.DiscoverAsync(either.Token);
            if (attempt.IsFinal || attempt.RedirectPath is not null)
            {
                return attempt;
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // It sits on what it does not know; the older handshake is tried.
        }
        catch (HttpRequestException e) when (!UpstreamTrouble.Of(e, address).NothingSent)
        {
            // It hangs up on what it does not know: the same.
        }

        return await handshake.InitializeAsync(ct);
    }

    public static HandshakeWord Failed(string message) => new(HandshakeVerdict.Failed, message);
}

/// <param name="IsFinal">The word on the server; else only on this path of it, and others are worth a try.</param>
internal sealed record Attempt(HandshakeWord Word, bool IsFinal, string? RedirectPath = null)
{
    public static Attempt NotHere(string path, McpAnswer answer) => new(Handshaker.Failed($"{path}: {answer.InWords}"), IsFinal: false, answer.RedirectPath);

    public static Attempt NotHere(string path, string why) => new(Handshaker.Failed($"{path}: {why}"), IsFinal: false);

    public static Attempt Failed(string why) => new(Handshaker.Failed(why), IsFinal: true);

    public static Attempt Challenged(string path, string transport, bool stateless) => new(
        new HandshakeWord(HandshakeVerdict.Challenged, $"It answers at {path}, and asks for an authorization of its own.") { Server = new KnownServer(path, transport, stateless) },
        IsFinal: true);
}
