using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Records.Secrets;

/// <summary>
/// AES-256-GCM under a key of one purpose. The record's id and the variable's name are associated data: a sealed value copied to
/// another record or variable does not open.
/// </summary>
internal sealed class Sealer(byte[] key)
{
    private const byte Version = 1;
    private const int NonceSize = 12;
    private const int TagSize = 16;
    private const int HeadSize = 1 + NonceSize + TagSize;

    public string Seal(string recordId, string variable, SecretText value)
    {
        var text = Encoding.UTF8.GetBytes(value.Reveal());
        var envelope = new byte[HeadSize + text.Length];
        envelope[0] = Version;
        var nonce = envelope.AsSpan(1, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(key, TagSize);
        aes.Encrypt(nonce, text, envelope.AsSpan(HeadSize), envelope.AsSpan(1 + NonceSize, TagSize), AssociatedData(recordId, variable));
        return Convert.ToBase64String(envelope);
    }

    /// <exception cref="CryptographicException">Another key, another record or variable, or a changed envelope.</exception>
    public SecretText Open(string recordId, string variable, string envelope)
    {
        var bytes = Convert.FromBase64String(envelope);
        if (bytes.Length < HeadSize || bytes[0] != Version)
        {
            throw new CryptographicException($"The sealed value of {variable} is not one of ours.");
        }

        var text = new byte[bytes.Length - HeadSize];
        using var aes = new AesGcm(key, TagSize);
        aes.Decrypt(
            bytes.AsSpan(1, NonceSize),
            bytes.AsSpan(HeadSize),
            bytes.AsSpan(1 + NonceSize, TagSize),
            text,
            AssociatedData(recordId, variable));
        return new(Encoding.UTF8.GetString(text));
    }

    // A line feed is in neither an id nor a variable's name, so that no two pairs give the same bytes.
    private static byte[] AssociatedData(string recordId, string variable) => Encoding.UTF8.GetBytes($"{recordId}\n{variable}");
}
