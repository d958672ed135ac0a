using System.Buffers;
using System.Text;
using System.Text.Json;

namespace McpRuntime.Gateways.Embedded.Tools;

/// <summary>Reads along while an answer passes, only far enough to say in the audit how the call went. It holds up nothing and keeps nothing.</summary>
internal sealed class CallOutcome
{
    /// <summary>A longer answer is a result: errors are short.</summary>
    private const int MaxRead = 64 * 1024;

    private readonly ArrayBufferWriter<byte> _read = new(1024);
    private bool _isTooLong;

    public string Word { get; private set; } = "ok";

    /// <summary>The call was answered, or may have been by an event too long to be read.</summary>
    public bool HasAnswered { get; private set; }

    /// <summary>The stream numbers its events: a client may come back for the rest.</summary>
    public bool IsResumable { get; private set; }

    /// <summary>A piece of a JSON answer.</summary>
    public void See(ReadOnlySpan<byte> piece)
    {
        _isTooLong |= _read.WrittenCount + piece.Length > MaxRead;
        if (!_isTooLong)
        {
            _read.Write(piece);
        }
    }

    /// <summary>The JSON answer is whole.</summary>
    public void Complete()
    {
        if (!_isTooLong && _read.WrittenCount > 0)
        {
            Judge(_read.WrittenSpan);
        }
    }

    /// <summary>One event of a stream, its lines with their ends.</summary>
    public void SeeEvent(ReadOnlySpan<byte> lines)
    {
        IsResumable |= lines.StartsWith("id:"u8) || lines.IndexOf("\nid:"u8) >= 0;
        if (lines.IndexOf("\"id\""u8) < 0)
        {
            return;
        }

        var data = new StringBuilder();
        foreach (var line in Encoding.UTF8.GetString(lines).Split('\n'))
        {
            if (line.StartsWith("data:", StringComparison.Ordinal))
            {
                data.AppendLine(line[5..]);
            }
        }

        Judge(Encoding.UTF8.GetBytes(data.ToString()));
    }

    /// <summary>An event passes that is too long to be read.</summary>
    public void SeeLongEvent() => HasAnswered = true;

    private void Judge(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            var message = document.RootElement;
            if (message.ValueKind != JsonValueKind.Object)
            {
                return;
            }

            HasAnswered |= !message.TryGetProperty("method", out _);
            Word = message.TryGetProperty("error", out _) ? "rpc_error"
                : message.TryGetProperty("result", out var result) && result.ValueKind == JsonValueKind.Object && result.TryGetProperty("isError", out var isError) && isError.ValueKind == JsonValueKind.True ? "tool_error"
                : Word;
        }
        catch (JsonException)
        {
            // What is not JSON is the client's to judge; of the call nothing more can be said than that it was answered.
            Word = "ok";
        }
    }
}
