using System.Buffers.Binary;
using System.Security.Cryptography;

namespace McpRuntime.Server.Records;

/// <summary>26 characters of Crockford's base 32, lower case: 48 bits of unix milliseconds, then 80 random bits. Sorts by time.</summary>
internal static class RecordId
{
    private const string Alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

    public static string New(DateTimeOffset now)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteInt64BigEndian(bytes, now.ToUnixTimeMilliseconds() << 16);
        RandomNumberGenerator.Fill(bytes[6..]);
        var value = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return string.Create(26, value, static (text, left) =>
        {
            for (var at = text.Length - 1; at >= 0; at--, left >>= 5)
            {
                text[at] = Alphabet[(int)(left & 31)];
            }
        });
    }

    /// <summary>Whether a text can be an id at all. A name may look the same: an id is looked up first, then the name.</summary>
    public static bool LooksLikeOne(string text) => text.Length == 26 && text.All(Alphabet.Contains);
}
