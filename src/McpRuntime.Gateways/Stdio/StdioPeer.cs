using System.Threading.Channels;
using McpRuntime.Backends;
using McpRuntime.Gateways.Embedded;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Stdio;

/// <summary>Who hears a server. Called by one reader, in the order the server wrote; must not wait.</summary>
internal interface IStdioListener
{
    void Heard(JsonRpcMessage message);

    /// <summary>A message that was too long to be read; what its beginning tells of it.</summary>
    void HeardTooMuch(JsonRpcEnvelope beginning);

    void Ended(string why);
}

/// <summary>
/// The server's side of the bridge: lines out, lines in, both bounded. A server that does not read, does not end its lines, or floods,
/// hurts itself alone.
/// </summary>
internal sealed partial class StdioPeer(IStdioChannel channel, BridgeLimits limits, TimeProvider time, IStdioListener listener, ILogger logger) : IAsyncDisposable
{
    /// <summary>A line may pass the limit by so much before the server is given up.</summary>
    private const int Endless = 16;

    private const int MostLogged = 200;

    private readonly Channel<byte[]> _out = Channel.CreateUnbounded<byte[]>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly NoticeRate _rate = new(limits.NoticesPerSecond, time);
    private Task _loops = Task.CompletedTask;
    private long _unwritten;
    private bool _ended;

    public string Instance => channel.Instance;

    public void Start() => _loops = Task.WhenAll(Task.Run(ReadAsync), Task.Run(WriteAsync));

    /// <returns>False: the server does not take what is written for it, or has ended.</returns>
    public bool TrySend(byte[] frame)
    {
        if (Interlocked.Add(ref _unwritten, frame.Length) > limits.UnwrittenBytes)
        {
            Interlocked.Add(ref _unwritten, -frame.Length);
            return false;
        }

        return _out.Writer.TryWrite(frame);
    }

    public void End(string why)
    {
        if (!Interlocked.Exchange(ref _ended, true))
        {
            _out.Writer.TryComplete();
            _stop.Cancel();
            listener.Ended(why);
        }
    }

    public async ValueTask DisposeAsync()
    {
        End("The bridge to it was closed.");
        await channel.DisposeAsync();
        await _loops.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task WriteAsync()
    {
        var together = new MemoryStream();
        try
        {
            while (await _out.Reader.WaitToReadAsync(_stop.Token))
            {
                // What waits goes in one write: each is a frame of the backend's own wire.
                together.SetLength(0);
                var taken = 0L;
                while (together.Length < 64 * 1024 && _out.Reader.TryRead(out var frame))
                {
                    together.Write(frame);
                    together.WriteByte((byte)'\n');
                    taken += frame.Length;
                }

                using var stall = new CancellationTokenSource(limits.WriteStall, time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(stall.Token, _stop.Token);
                await channel.Input.WriteAsync(together.GetBuffer().AsMemory(0, (int)together.Length), either.Token);
                await channel.Input.FlushAsync(either.Token);
                Interlocked.Add(ref _unwritten, -taken);
            }
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            End(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"It took nothing of its input for {limits.WriteStall.TotalSeconds:0} s."));
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException or OperationCanceledException)
        {
            End("Its input was closed.");
        }
        finally
        {
            await together.DisposeAsync();
        }
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[16 * 1024];
        var held = 0;
        var skipped = -1L;
        try
        {
            while (true)
            {
                if (held == buffer.Length)
                {
                    Array.Resize(ref buffer, Math.Min(buffer.Length * 2, limits.FrameBytes + 1));
                }

                var read = await channel.Output.ReadAsync(buffer.AsMemory(held), _stop.Token);
                if (read == 0)
                {
                    End("It ended.");
                    return;
                }

                var start = 0;
                var scanned = held;
                held += read;
                while (buffer.AsSpan(scanned, held - scanned).IndexOf((byte)'\n') is var at and >= 0)
                {
                    var end = scanned + at;
                    if (skipped < 0)
                    {
                        await LineAsync(buffer.AsMemory(start, end - start));
                    }

                    skipped = -1;
                    start = scanned = end + 1;
                }

                buffer.AsSpan(start, held - start).CopyTo(buffer);
                held -= start;
                (held, skipped) = Bound(buffer, held, skipped);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidDataException or OperationCanceledException or InvalidOperationException)
        {
            End("The connection to it was lost.");
        }
    }

    /// <summary>What is left of a line that has no end yet: once it is too long it is skipped; one without any end ends the server.</summary>
    private (int Held, long Skipped) Bound(byte[] buffer, int held, long skipped)
    {
        if (skipped >= 0)
        {
            skipped += held;
            if (skipped > (long)Endless * limits.FrameBytes)
            {
                End($"It wrote a line of more than {Endless} times the {limits.FrameBytes} bytes that are read of one.");
                throw new InvalidDataException("a line without an end");
            }

            return (0, skipped);
        }

        if (held <= limits.FrameBytes)
        {
            return (held, -1);
        }

        Log.TooLong(logger, Instance, limits.FrameBytes);
        channel.Note($"(a line of more than {limits.FrameBytes} bytes was not read)");
        listener.HeardTooMuch(JsonRpcEnvelope.Peek(new System.Buffers.ReadOnlySequence<byte>(buffer, 0, held), complete: false));
        return (0, held);
    }

    private async ValueTask LineAsync(ReadOnlyMemory<byte> line)
    {
        if (line.Span.TrimEnd((byte)'\r').IsEmpty)
        {
            return;
        }

        var message = JsonRpcMessage.Read(line.Span, out _, out var why);
        if (message is not { Kind: MessageKind.Response })
        {
            await _rate.TakeAsync(_stop.Token);
        }

        if (message is null)
        {
            // A banner, a stray print: common, and no reason to end anything.
            var text = System.Text.Encoding.UTF8.GetString(line.Span[..Math.Min(line.Length, 4096)]).TrimEnd('\r');
            channel.Note(text);
            Log.NoMessage(logger, Instance, why.Length > MostLogged ? why[..MostLogged] : why);
            return;
        }

        try
        {
            listener.Heard(message);
        }
        catch (InvalidOperationException e)
        {
            // It holds what is no text, such as a name with half a surrogate pair; the server may have been made to say it.
            Log.NoMessage(logger, Instance, e.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "A line of {Instance} is longer than {Limit} bytes and was not read")]
        public static partial void TooLong(ILogger logger, string instance, int limit);

        [LoggerMessage(Level = LogLevel.Debug, Message = "A line of {Instance} is no message and was kept with its log. {Why}")]
        public static partial void NoMessage(ILogger logger, string instance, string why);
    }
}

/// <summary>So many a second, twice as many at once; who asks for more waits.</summary>
internal sealed class NoticeRate(int perSecond, TimeProvider time)
{
    private double _room = 2 * perSecond;
    private long _at = time.GetTimestamp();

    public async ValueTask TakeAsync(CancellationToken ct)
    {
        _room = Math.Min(2 * perSecond, _room + (time.GetElapsedTime(_at).TotalSeconds * perSecond)) - 1;
        _at = time.GetTimestamp();
        if (_room < 0)
        {
            await Task.Delay(TimeSpan.FromSeconds(Math.Max(0.05, -_room / perSecond)), time, ct);
        }
    }
}
