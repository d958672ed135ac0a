using System.Buffers;
using System.IO.Pipelines;

namespace McpRuntime.Gateways.Embedded;

/// <summary>Copies an answer to the client, each piece as soon as it is there.</summary>
internal static class ResponsePump
{
    private const int PieceSize = 16 * 1024;

    public static async Task CopyAsync(Stream from, PipeWriter to, Watchdog watchdog, Tools.CallOutcome? outcome = null)
    {
        while (true)
        {
            var piece = to.GetMemory(PieceSize);
            var read = await from.ReadAsync(piece, watchdog.Token);
            if (read == 0)
            {
                outcome?.Complete();
                return;
            }

            outcome?.See(piece.Span[..read]);

            to.Advance(read);
            watchdog.Touch();
            if ((await to.FlushAsync(watchdog.Token)).IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>With a comment into every long silence, and endpoint events rewritten.</summary>
    /// <param name="stop">Ends the stream well: for one that only listens, when this process is to end.</param>
    public static async Task CopyEventsAsync(Stream from, PipeWriter to, SseRewriter rewriter, TimeSpan keepAlive, TimeProvider time, Watchdog watchdog, CancellationToken stop)
    {
        var piece = new byte[PieceSize];
        while (!stop.IsCancellationRequested)
        {
            var reading = from.ReadAsync(piece, watchdog.Token);
            var read = reading.IsCompletedSuccessfully ? reading.Result : await UntilReadAsync(reading.AsTask(), to, rewriter, keepAlive, time, watchdog, stop);
            if (read == 0)
            {
                rewriter.Complete(to);
                await to.FlushAsync(watchdog.Token);
                return;
            }

            rewriter.Write(piece.AsSpan(0, read), to);
            if ((await to.FlushAsync(watchdog.Token)).IsCompleted)
            {
                return;
            }
        }
    }

    private static async Task<int> UntilReadAsync(Task<int> reading, PipeWriter to, SseRewriter rewriter, TimeSpan keepAlive, TimeProvider time, Watchdog watchdog, CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(watchdog.Token, stop);
        while (true)
        {
            // Task.WhenAny and not WaitAsync: a silence is no exception.
            using var tick = CancellationTokenSource.CreateLinkedTokenSource(either.Token);
            await Task.WhenAny(reading, Task.Delay(keepAlive, time, tick.Token));
            await tick.CancelAsync();
            if (reading.IsCompleted || watchdog.Token.IsCancellationRequested)
            {
                return await reading;
            }

            if (stop.IsCancellationRequested)
            {
                return 0;
            }

            if (rewriter.AtBoundary)
            {
                to.Write(": still here\n\n"u8);
                await to.FlushAsync(watchdog.Token);
            }
        }
    }
}
