using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace McpRuntime.Gateways.Embedded;

/// <summary>What a sealed text stands for; one is never taken for the other.</summary>
internal enum SealPurpose : byte
{
    /// <summary>The server's own <c>Mcp-Session-Id</c>.</summary>
    Session = 1,

    /// <summary>The path a legacy SSE server takes messages at.</summary>
    MessagePath = 2,
}

/// <summary>
/// Session ids as clients see them: the server's own, encrypted and bound to this runtime, this incarnation of its container and this
/// caller. Any replica opens them, nothing is remembered, and for anybody else, or after the container was replaced, they are noise.
/// </summary>
/// <remarks>
/// base64url of: version (1 byte) · nonce (12) · ciphertext of (unix ms (8) · id) · tag (16). What it is bound to is associated data:
/// it takes no room in the id. A fresh random nonce each time: at 2^32 ids under one key a repeat has odds below 2^-32.
/// </remarks>
internal sealed class SessionSeal(GatewayOptions options, TimeProvider time)
{
    /// <summary>Longer than any session lives in practice; an id that was leaked and forgotten ends with it.</summary>
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    private const byte Version = 1;
    private const int NonceSize = 12;
    private const int TagSize = 16;
    private const int Overhead = 1 + NonceSize + sizeof(long) + TagSize;

    /// <summary>Bytes of an upstream id or path; the sealed text then stays within what servers take as one header.</summary>
    public const int MaxInner = 2048;

    private readonly byte[] _key = HKDF.DeriveKey(HashAlgorithmName.SHA256, options.SessionKey, 32, info: "mcp-session-v1"u8.ToArray());

    /// <returns>Null: the inner text is longer than <see cref="MaxInner"/>.</returns>
    public string? Seal(SealPurpose purpose, GatewayRoute route, string subject, string inner)
    {
        var size = Encoding.UTF8.GetByteCount(inner);
        if (size > MaxInner)
        {
            return null;
        }

        var plain = new byte[sizeof(long) + size];
        BinaryPrimitives.WriteInt64BigEndian(plain, time.GetUtcNow().ToUnixTimeMilliseconds());
        Encoding.UTF8.GetBytes(inner, plain.AsSpan(sizeof(long)));

        var text = new byte[Overhead + size];
        text[0] = Version;
        var nonce = text.AsSpan(1, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(_key, TagSize);
        aes.Encrypt(nonce, plain, text.AsSpan(1 + NonceSize, plain.Length), text.AsSpan(text.Length - TagSize), BoundTo(purpose, route, subject));
        return Base64Url.EncodeToString(text);
    }

    /// <returns>Null: not ours, not this caller's, not this runtime's, of a container that is gone, or too old. Which of them is nobody's business.</returns>
    public string? Open(SealPurpose purpose, GatewayRoute route, string subject, string sealedText) => Open(purpose, route, subject, sealedText, out _);

    /// <inheritdoc cref="Open(SealPurpose, GatewayRoute, string, string)"/>
    public string? Open(SealPurpose purpose, GatewayRoute route, string subject, string sealedText, out DateTimeOffset sealedAt)
    {
        sealedAt = default;
        if (sealedText.Length > Base64Url.GetEncodedLength(Overhead + MaxInner) || !Base64Url.IsValid(sealedText, out var length) || length < Overhead)
        {
            return null;
        }

        var text = Base64Url.DecodeFromChars(sealedText);
        if (text[0] != Version)
        {
            return null;
        }

        var plain = new byte[text.Length - 1 - NonceSize - TagSize];
        try
        {
            using var aes = new AesGcm(_key, TagSize);
            aes.Decrypt(text.AsSpan(1, NonceSize), text.AsSpan(1 + NonceSize, plain.Length), text.AsSpan(text.Length - TagSize), plain, BoundTo(purpose, route, subject));
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }

        var at = BinaryPrimitives.ReadInt64BigEndian(plain);
        var age = time.GetUtcNow().ToUnixTimeMilliseconds() - at;
        sealedAt = DateTimeOffset.FromUnixTimeMilliseconds(at);
        return age <= Lifetime.TotalMilliseconds ? Encoding.UTF8.GetString(plain.AsSpan(sizeof(long))) : null;
    }

    private static byte[] BoundTo(SealPurpose purpose, GatewayRoute route, string subject)
    {
        string[] fields = [route.RecordId, route.Instance, subject];
        var bytes = new byte[1 + fields.Sum(field => sizeof(int) + Encoding.UTF8.GetByteCount(field))];
        bytes[0] = (byte)purpose;
        var at = 1;
        foreach (var field in fields)
        {
            // The length in front keeps neighbouring fields from being shifted into each other.
            var written = Encoding.UTF8.GetBytes(field, bytes.AsSpan(at + sizeof(int)));
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(at), written);
            at += sizeof(int) + written;
        }

        return bytes;
    }
}
