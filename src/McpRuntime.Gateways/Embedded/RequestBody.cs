using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace McpRuntime.Gateways.Embedded;

/// <summary>
/// A client's message on its way to the server. Its beginning is looked at (up to 64 KiB, where nearly every message ends) and the
/// whole is streamed: a large one is held in memory only where its end, too, decides whether it may be sent on.
/// </summary>
internal sealed class RequestBody : HttpContent
{
    private const int PeekSize = 64 * 1024;

    private readonly PipeReader _reader;
    private readonly long _limit;
    private readonly long? _length;
    private readonly Watchdog _watchdog;

    private RequestBody(PipeReader reader, long limit, long? length, JsonRpcEnvelope envelope, Watchdog watchdog)
    {
        _reader = reader;
        _limit = limit;
        _length = length;
        _watchdog = watchdog;
        Envelope = envelope;
    }

    public JsonRpcEnvelope Envelope { get; }

    /// <summary>The limit was passed while streaming, so what the server got is not whole.</summary>
    public bool TooLarge { get; private set; }

    /// <summary>Why the client's side ended early; null while it did not.</summary>
    public Exception? ClientFault { get; private set; }

    /// <param name="whole">It is read to its end before anything is sent.</param>
    /// <exception cref="BadHttpRequestException">413 at once where the length says so, or the beginning alone is too long.</exception>
    public static async Task<RequestBody> OpenAsync(HttpContext context, long limit, bool keepArguments, bool whole, Watchdog watchdog)
    {
        var request = context.Request;
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
        {
            // Ours is the limit below. The server's is wider, so that who is a little over it is heard out, and can read the answer.
            feature.MaxRequestBodySize = limit * 2;
        }

        if (request.ContentLength > limit)
        {
            throw TooLong(limit);
        }

        while (true)
        {
            var read = await request.BodyReader.ReadAsync(watchdog.Token);
            var complete = read.IsCompleted || read.Buffer.Length == request.ContentLength;
            if (!complete && read.Buffer.Length < (whole ? limit + 1 : PeekSize))
            {
                request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                watchdog.Touch();
                continue;
            }

            var length = complete || whole ? read.Buffer.Length : request.ContentLength;
            var envelope = IsUtf8(request.ContentType) ? JsonRpcEnvelope.Peek(read.Buffer, complete, keepArguments) : new JsonRpcEnvelope { IsMalformed = true };
            request.BodyReader.AdvanceTo(read.Buffer.Start);
            return length > limit ? throw TooLong(limit) : new RequestBody(request.BodyReader, limit, length, envelope, watchdog);
        }
    }

    /// <summary>Servers that believe the header would read another text than we did: UTF-7 hides quotes in plain ASCII.</summary>
    private static bool IsUtf8(string? contentType) =>
        contentType?.Contains("charset", StringComparison.OrdinalIgnoreCase) != true
        || (MediaTypeHeaderValue.TryParse(contentType, out var type) && type.CharSet?.Trim('"') is { } charset && charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    protected override bool TryComputeLength(out long length)
    {
        length = _length ?? 0;
        return _length is not null;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var sent = 0L;
        while (sent != _length)
        {
            var read = await ReadAsync(cancellationToken);
            try
            {
                sent += read.Buffer.Length;
                if (sent > _limit)
                {
                    TooLarge = true;
                    throw TooLong(_limit);
                }

                foreach (var segment in read.Buffer)
                {
                    await stream.WriteAsync(segment, cancellationToken);
                }
            }
            finally
            {
                // Whatever went wrong: Kestrel reads the rest, so that the client can read the answer.
                _reader.AdvanceTo(read.Buffer.End);
            }

            _watchdog.Touch();
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    private async ValueTask<ReadResult> ReadAsync(CancellationToken ct)
    {
        try
        {
            return await _reader.ReadAsync(ct);
        }
        catch (Exception e) when (e is IOException)
        {
            // BadHttpRequestException is one of these: the client's fault must not be taken for the server's.
            ClientFault = e;
            throw;
        }
    }

    public static BadHttpRequestException TooLong(long limit) =>
        new($"The message is longer than the {limit} bytes that the gateway takes.", StatusCodes.Status413PayloadTooLarge);
}
