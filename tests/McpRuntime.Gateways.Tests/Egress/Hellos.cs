using System.Buffers.Binary;
using System.Text;

namespace McpRuntime.Gateways.Tests.Egress;

/// <summary>Builds ClientHellos byte by byte, sound and otherwise.</summary>
internal static class Hellos
{
    public const ushort ServerName = 0;
    public const ushort EarlyData = 42;
    public const ushort EncryptedHello = 0xfe0d;

    public static byte[] For(string? serverName, params (ushort Type, byte[] Content)[] others) =>
        Record(Message(serverName is null ? others : [(ServerName, NameList(serverName)), .. others]));

    public static byte[] Message(params (ushort Type, byte[] Content)[] extensions)
    {
        byte[] list = [.. extensions.SelectMany(e => (byte[])[.. Two(e.Type), .. Two(e.Content.Length), .. e.Content])];
        byte[] body = [3, 3, .. new byte[32], 0, .. Two(2), 0x13, 0x01, 1, 0, .. Two(list.Length), .. list];
        return [1, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];
    }

    public static byte[] NameList(string name)
    {
        var bytes = Encoding.ASCII.GetBytes(name);
        return [.. Two(bytes.Length + 3), 0, .. Two(bytes.Length), .. bytes];
    }

    public static byte[] Record(ReadOnlySpan<byte> message, byte type = 22) => [type, 3, 1, .. Two(message.Length), .. message];

    public static byte[] Two(int value)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
        return bytes;
    }
}
