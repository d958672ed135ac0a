using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes.Wire;

/// <summary>One attached container. Reads by one, writes by one at a time.</summary>
public sealed class KubeAttachment(WebSocket socket) : IAsyncDisposable
{
    /// <summary>Each message begins with a byte that names its stream; the last one, on <see cref="Error"/>, is a Status.</summary>
    public const string Protocol = "v4.channel.k8s.io";

    private const byte Stdin = 0;
    private const byte Stdout = 1;
    private const byte Stderr = 2;
    private const byte Error = 3;

    private static readonly TimeSpan Goodbye = TimeSpan.FromSeconds(2);

    private readonly byte[] _buffer = new byte[64 << 10];
    private readonly SemaphoreSlim _writing = new(1);

    /// <summary>A message may come in parts, and its stream's name stands at its beginning only.</summary>
    private byte? _channel;

    /// <exception cref="BackendFault">The connection is gone.</exception>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken ct)
    {
        var message = new byte[bytes.Length + 1];
        message[0] = Stdin;
        bytes.CopyTo(message.AsMemory(1));
        await _writing.WaitAsync(ct);
        try
        {
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, ct);
        }
        catch (Exception e) when (e is WebSocketException or IOException or InvalidOperationException)
        {
            throw Lost(e.Message, e);
        }
        finally
        {
            _ = _writing.Release();
        }
    }

    /// <summary>A piece of what it writes, of any length and cut anywhere; null: it has ended.</summary>
    /// <exception cref="BackendFault">The connection is gone, or the server says that attaching failed.</exception>
    public async Task<(LogStream Stream, ReadOnlyMemory<byte> Bytes)?> ReadAsync(CancellationToken ct)
    {
        while (true)
        {
            var got = await ReceiveAsync(ct);
            if (got.MessageType == WebSocketMessageType.Close)
            {
                return null;
            }

            var piece = _buffer.AsMemory(0, got.Count);
            if (_channel is null && piece.Length > 0)
            {
                _channel = piece.Span[0];
                piece = piece[1..];
            }

            var channel = _channel;
            _channel = got.EndOfMessage ? null : channel;
            switch (channel)
            {
                case Stdout when piece.Length > 0:
                    return (LogStream.Stdout, piece);
                case Stderr when piece.Length > 0:
                    return (LogStream.Stderr, piece);
                case Error when piece.Length > 0:
                    ThrowUnlessSuccess(piece.Span);
                    return null;
                default:
                    continue;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (socket.State == WebSocketState.Open)
        {
            using var clock = new CancellationTokenSource(Goodbye);
            try
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, statusDescription: null, clock.Token);
            }
            catch (Exception e) when (e is WebSocketException or IOException or OperationCanceledException)
            {
                // It is being closed; that the other side is gone already is no news.
            }
        }

        socket.Dispose();
        _writing.Dispose();
    }

    private async Task<ValueWebSocketReceiveResult> ReceiveAsync(CancellationToken ct)
    {
        try
        {
            return await socket.ReceiveAsync(_buffer.AsMemory(), ct);
        }
        catch (Exception e) when (e is WebSocketException or IOException or InvalidOperationException)
        {
            throw Lost(e.Message, e);
        }
    }

    private static void ThrowUnlessSuccess(ReadOnlySpan<byte> status)
    {
        string? message;
        try
        {
            var said = JsonNode.Parse(status);
            if (said?["status"].AsText() == "Success")
            {
                return;
            }

            message = said?["message"].AsText();
        }
        catch (JsonException)
        {
            message = null;
        }

        throw Lost(message ?? "without a word", inner: null);
    }

    private static BackendFault Lost(string words, Exception? inner) => new(new Fault(FaultKind.Transient, "AttachLost", $"The attached streams are lost: {words}"), inner);
}
