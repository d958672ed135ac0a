using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Records.Secrets;

/// <summary>The one secret of the installation. Never used itself: each purpose has a key of its own, derived with HKDF (RFC 5869).</summary>
internal sealed class MasterKey
{
    public const int Size = 32;

    private readonly byte[] _key;

    public MasterKey(byte[] key)
    {
        if (key.Length != Size)
        {
            throw new ArgumentException($"A master key has {Size} bytes, not {key.Length}.", nameof(key));
        }

        _key = key;
    }

    /// <param name="purpose">A fixed word; two purposes never share a key.</param>
    public byte[] Derive(string purpose) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, Size, salt: null, info: Encoding.UTF8.GetBytes($"mcpruntime:v1:{purpose}"));

    public KeyedHash Hash(string purpose) => new(Derive(purpose));

    /// <summary>The key given by a variable, by a file, or (SQLite only) one made in the data folder.</summary>
    public static MasterKey Load(RecordsOptions options, bool mayCreate)
    {
        if (!string.IsNullOrWhiteSpace(options.MasterKey))
        {
            return Parse(options.MasterKey, "RUNTIME_MASTER_KEY");
        }

        if (!string.IsNullOrWhiteSpace(options.MasterKeyFile))
        {
            return FromFile(options.MasterKeyFile, "RUNTIME_MASTER_KEY_FILE");
        }

        if (!mayCreate)
        {
            throw new InvalidOperationException(
                "RUNTIME_MASTER_KEY (or RUNTIME_MASTER_KEY_FILE) is required with PostgreSQL: 32 bytes as base64 or 64 hex digits, the same for every replica.");
        }

        var path = Path.Combine(options.DataDirectory, "master-key");
        if (!File.Exists(path))
        {
            Create(path);
        }

        return FromFile(path, "The data folder");
    }

    private static MasterKey FromFile(string path, string variable)
    {
        try
        {
            return Parse(File.ReadAllText(path), $"{variable} ({path})");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"{variable}: the master key at '{path}' can't be read: {fault.Message}", fault);
        }
    }

    private static MasterKey Parse(string text, string where)
    {
        text = text.Trim();
        var bytes = new byte[Size + 1];
        if (text.Length == 2 * Size && text.All(char.IsAsciiHexDigit))
        {
            return new(Convert.FromHexString(text));
        }

        if (Convert.TryFromBase64String(text, bytes, out var written) && written == Size)
        {
            return new(bytes[..Size]);
        }

        throw new InvalidOperationException($"{where} must be 32 bytes as base64 (44 characters) or hex (64 digits), for example from: openssl rand -base64 32");
    }

    private static void Create(string path)
    {
        // Written whole beside its place and moved there: a crash leaves either no key or the key, never half of one.
        var draft = $"{path}.{Guid.NewGuid():n}";
        var create = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            create.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var file = new FileStream(draft, create))
        {
            file.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(Size)) + "\n"));
            file.Flush(flushToDisk: true);
        }

        try
        {
            File.Move(draft, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            // Another process was first: its key is the key.
            File.Delete(draft);
        }
    }
}
