using System.Text;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Guard;

[TestFixture]
internal sealed class GuardShapeTests
{
    [Test]
    public void The_policies_of_an_archive_come_back_and_the_token_is_its_owners_alone()
    {
        var archive = GuardArchive.Write(new SecretText("a-secret"), "10001:10002", "{}"u8.ToArray());

        GuardArchive.ReadFile(archive, GuardArchive.PoliciesFile).Should().Equal("{}"u8.ToArray());
        using var tar = new System.Formats.Tar.TarReader(new MemoryStream(archive));
        while (tar.GetNextEntry() is { } entry)
        {
            entry.Uid.Should().Be(10001);
            entry.Gid.Should().Be(10002);
            ((int)entry.Mode & 0b000_111_111).Should().Be(0, $"{entry.Name} is nobody else's");
        }
    }

    [Test]
    public void Bytes_that_are_no_archive_hold_no_policies()
    {
        GuardArchive.ReadFile(null, GuardArchive.PoliciesFile).Should().BeNull();
        GuardArchive.ReadFile([], GuardArchive.PoliciesFile).Should().BeNull();
        var seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var sound = GuardArchive.Write(new SecretText("s"), "1:1", Encoding.ASCII.GetBytes("{}"));
        for (var i = 0; i < 2000; i++)
        {
            var bytes = sound.ToArray();
            for (var n = random.Next(1, 20); n > 0; n--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            var read = () => GuardArchive.ReadFile(bytes, GuardArchive.PoliciesFile);
            read.Should().NotThrow();
        }
    }
}
