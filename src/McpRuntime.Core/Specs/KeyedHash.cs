using System.Security.Cryptography;
using System.Text;

namespace McpRuntime.Core.Specs;

/// <summary>HMAC-SHA256 under a key of this installation: what is hashed may be a guessable secret, so a plain digest would give it away.</summary>
/// <param name="key">32 bytes, derived from the master key for one purpose.</param>
public sealed class KeyedHash(byte[] key)
{
    private readonly byte[] _key = key;

    /// <summary>64 lower-case hex digits.</summary>
    public string Of(string canonical) => Convert.ToHexStringLower(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(canonical)));

    /// <summary>The first <paramref name="digits"/> hex digits, for names with limited room.</summary>
    public string Short(string canonical, int digits) => Of(canonical)[..digits];
}
