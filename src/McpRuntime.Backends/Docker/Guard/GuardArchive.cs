using System.Formats.Tar;
using System.Globalization;
using System.Text;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker.Guard;

/// <summary>
/// What the guard finds in its volume: its token, in a file only it can read (an environment variable would be shown by inspecting
/// the container), and the policies of the one it replaces.
/// </summary>
internal static class GuardArchive
{
    public const string PoliciesFile = "policies.json";

    /// <param name="user"><c>uid:gid</c>.</param>
    public static byte[] Write(SecretText token, string user, byte[]? policies)
    {
        var ids = user.Split(':').Select(i => int.Parse(i, CultureInfo.InvariantCulture)).ToArray();
        using var bytes = new MemoryStream();
        using (var tar = new TarWriter(bytes, TarEntryFormat.Ustar, leaveOpen: true))
        {
            Add(TarEntryType.Directory, GuardShape.OwnFolder + "/", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, null);
            Add(TarEntryType.RegularFile, $"{GuardShape.OwnFolder}/token", UnixFileMode.UserRead, Encoding.UTF8.GetBytes(token.Reveal()));
            if (policies is not null)
            {
                Add(TarEntryType.RegularFile, $"{GuardShape.OwnFolder}/{PoliciesFile}", UnixFileMode.UserRead | UnixFileMode.UserWrite, policies);
            }

            void Add(TarEntryType type, string name, UnixFileMode mode, byte[]? content)
            {
                var entry = new UstarTarEntry(type, name) { Uid = ids[0], Gid = ids[1], Mode = mode, ModificationTime = DateTimeOffset.UnixEpoch };
                if (content is not null)
                {
                    entry.DataStream = new MemoryStream(content);
                }

                tar.WriteEntry(entry);
            }
        }

        return bytes.ToArray();
    }

    /// <summary>The one file in an archive; null when there is none.</summary>
    public static byte[]? ReadFile(byte[]? archive, string name)
    {
        if (archive is null)
        {
            return null;
        }

        try
        {
            using var tar = new TarReader(new MemoryStream(archive));
            while (tar.GetNextEntry() is { } entry)
            {
                if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile && Path.GetFileName(entry.Name) == name && entry.DataStream is { } content)
                {
                    using var copy = new MemoryStream();
                    content.CopyTo(copy);
                    return copy.ToArray();
                }
            }

            return null;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or FormatException or OverflowException or ArgumentException)
        {
            // What can't be read is pushed again by whoever wants it; without it nothing passes.
            return null;
        }
    }
}
