using System.Buffers.Binary;
using System.Text;

namespace McpRuntime.Gateways.Egress;

internal enum HelloVerdict
{
    /// <summary>So far it could be one: more bytes are needed.</summary>
    Incomplete,
    NotTls,
    Malformed,
    Complete,
}

/// <summary>What the first TLS message of a client says of where it wants to go. Only looked at, never changed.</summary>
/// <param name="ServerName">As sent; null when there is none.</param>
/// <param name="Encrypted">An encrypted hello (ECH or its draft): the name we see need not be the one that is meant.</param>
/// <param name="EarlyData">It is followed by data before the server answers, behind which a second hello could hide.</param>
/// <param name="Length">Bytes of the stream it took, record headers included.</param>
internal readonly record struct ClientHello(HelloVerdict Verdict, string? ServerName, bool Encrypted, bool EarlyData, int Length)
{
    /// <summary>Post-quantum key shares make it some 2 KB; a resumed session's ticket a few more.</summary>
    public const int MaxBytes = 32 * 1024;

    private const byte Handshake = 22;
    private const byte ClientHelloMessage = 1;
    private const int RecordHeader = 5;
    private const int MessageHeader = 4;
    private const int MaxRecord = 16 * 1024;

    private static readonly ClientHello Incomplete = new(HelloVerdict.Incomplete, null, false, false, 0);
    private static readonly ClientHello NotTls = new(HelloVerdict.NotTls, null, false, false, 0);
    private static readonly ClientHello Malformed = new(HelloVerdict.Malformed, null, false, false, 0);

    /// <summary>Pure. A message split over several records is put together (RFC 8446 §5.1).</summary>
    public static ClientHello Parse(ReadOnlySpan<byte> stream)
    {
        if (stream.IsEmpty)
        {
            return Incomplete;
        }

        if (stream[0] != Handshake || (stream.Length > 1 && stream[1] != 3))
        {
            return NotTls;
        }

        Span<byte> joined = default;
        var message = FirstRecord(stream, out var verdict);
        if (verdict != HelloVerdict.Complete)
        {
            return verdict == HelloVerdict.Incomplete ? Incomplete : Malformed;
        }

        var length = RecordHeader + message.Length;
        if (message[0] != ClientHelloMessage)
        {
            return Malformed;
        }

        if (message.Length < MessageHeader || message.Length < MessageHeader + Length24(message))
        {
            joined = new byte[MaxBytes];
            length = Join(stream, joined, out var joinedLength, out verdict);
            if (verdict != HelloVerdict.Complete)
            {
                return verdict == HelloVerdict.Incomplete ? Incomplete : Malformed;
            }

            message = joined[..joinedLength];
        }

        // Anything behind the hello in its own record is not what a client sends before it has been answered.
        return message.Length == MessageHeader + Length24(message) ? Body(message[MessageHeader..], length) : Malformed;
    }

    private static ReadOnlySpan<byte> FirstRecord(ReadOnlySpan<byte> stream, out HelloVerdict verdict)
    {
        verdict = HelloVerdict.Incomplete;
        if (stream.Length < RecordHeader)
        {
            return [];
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(stream[3..]);
        if (stream[0] != Handshake || stream[1] != 3 || length is 0 or > MaxRecord)
        {
            verdict = HelloVerdict.Malformed;
            return [];
        }

        if (stream.Length < RecordHeader + length)
        {
            return [];
        }

        verdict = HelloVerdict.Complete;
        return stream.Slice(RecordHeader, length);
    }

    private static int Join(ReadOnlySpan<byte> stream, Span<byte> joined, out int joinedLength, out HelloVerdict verdict)
    {
        joinedLength = 0;
        var at = 0;
        while (true)
        {
            var record = FirstRecord(stream[at..], out verdict);
            if (verdict != HelloVerdict.Complete)
            {
                return 0;
            }

            if (joinedLength + record.Length > joined.Length)
            {
                verdict = HelloVerdict.Malformed;
                return 0;
            }

            record.CopyTo(joined[joinedLength..]);
            joinedLength += record.Length;
            at += RecordHeader + record.Length;
            if (joinedLength >= MessageHeader && joinedLength >= MessageHeader + Length24(joined))
            {
                return at;
            }
        }
    }

    private static ClientHello Body(ReadOnlySpan<byte> body, int length)
    {
        var reader = new SpanReader(body);
        // legacy_version, random, session id, cipher suites, compression methods (RFC 8446 §4.1.2).
        if (!reader.Skip(2 + 32) || !reader.Block8(out _) || !reader.Block16(out _) || !reader.Block8(out _))
        {
            return Malformed;
        }

        if (reader.IsEmpty)
        {
            return new ClientHello(HelloVerdict.Complete, null, false, false, length);
        }

        if (!reader.Block16(out var extensions) || !reader.IsEmpty)
        {
            return Malformed;
        }

        return Extensions(extensions, length);
    }

    private static ClientHello Extensions(ReadOnlySpan<byte> extensions, int length)
    {
        const ushort ServerNameExtension = 0;
        const ushort EarlyDataExtension = 42;
        const ushort EncryptedHello = 0xfe0d;
        const ushort EncryptedNameDraft = 0xffce;
        string? name = null;
        var encrypted = false;
        var early = false;
        for (var list = new SpanReader(extensions); !list.IsEmpty;)
        {
            if (!list.UInt16(out var type) || !list.Block16(out var content))
            {
                return Malformed;
            }

            encrypted |= type is EncryptedHello or EncryptedNameDraft;
            early |= type == EarlyDataExtension;
            // Named twice: which one the server would take can't be known.
            if (type == ServerNameExtension && (name is not null || !TryServerName(content, out name)))
            {
                return Malformed;
            }
        }

        return new ClientHello(HelloVerdict.Complete, name, encrypted, early, length);
    }

    private static bool TryServerName(ReadOnlySpan<byte> content, out string? name)
    {
        const byte HostNameType = 0;
        name = null;
        var outer = new SpanReader(content);
        if (!outer.Block16(out var names) || !outer.IsEmpty)
        {
            return false;
        }

        var list = new SpanReader(names);
        if (!list.Byte(out var type) || type != HostNameType || !list.Block16(out var host) || !list.IsEmpty || host.IsEmpty || host.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
        {
            return false;
        }

        name = Encoding.ASCII.GetString(host);
        return true;
    }

    private static int Length24(ReadOnlySpan<byte> message) => (message[1] << 16) | (message[2] << 8) | message[3];

    private ref struct SpanReader(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;

        public readonly bool IsEmpty => _rest.IsEmpty;

        public bool Skip(int count)
        {
            var fits = _rest.Length >= count;
            _rest = fits ? _rest[count..] : [];
            return fits;
        }

        public bool Byte(out byte value)
        {
            value = _rest.IsEmpty ? (byte)0 : _rest[0];
            return Skip(1);
        }

        public bool UInt16(out ushort value)
        {
            value = _rest.Length < 2 ? (ushort)0 : BinaryPrimitives.ReadUInt16BigEndian(_rest);
            return Skip(2);
        }

        public bool Block8(out ReadOnlySpan<byte> block)
        {
            block = [];
            return Byte(out var length) && Take(length, out block);
        }

        public bool Block16(out ReadOnlySpan<byte> block)
        {
            block = [];
            return UInt16(out var length) && Take(length, out block);
        }

        private bool Take(int length, out ReadOnlySpan<byte> block)
        {
            block = _rest.Length >= length ? _rest[..length] : [];
            return Skip(length);
        }
    }
}
