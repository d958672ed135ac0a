using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Secrets;
using Microsoft.Data.Sqlite;

namespace McpRuntime.Server.Tests.Records;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class SecretsTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private const string Canary = "canary-7f3a9c-do-not-find-me";

    [Test]
    public async Task A_literal_is_sealed_at_rest_and_opened_for_the_compiler_alone()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("one").With("API_KEY", Canary)) with { IdempotencyKey = "k" }, Ct)).Runtime.Id;
        await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/server:2").With("API_KEY", Canary)), Ct);

        (await House.Store.EnvironmentAsync(id, 2, Ct))["API_KEY"].Reveal().Should().Be(Canary);
        var shown = (EnvironmentValue.Literal)(await House.Queries.FindAsync(Given.Ann, id, Ct))!.Spec.Environment["API_KEY"];
        shown.Value.Reveal().Should().Be("***");
        (await House.EnvironmentColumnAsync(id)).Should().NotContain(Canary);
        if (IsSqlite)
        {
            SqliteConnection.ClearAllPools();
            foreach (var file in Directory.GetFiles(Folder))
            {
                Encoding.Latin1.GetString(await ReadSharedAsync(file)).Should().NotContain(Canary, "{0} must hold no secret", Path.GetFileName(file));
            }
        }
    }

    [Test]
    public async Task What_of_a_source_or_a_catalog_entry_may_be_a_secret_is_sealed_at_rest_and_given_to_the_compiler_whole()
    {
        House.Catalog["entry"] = new CatalogEntry
        {
            Id = "entry",
            Name = "entry",
            Origin = CatalogEntry.LocalOrigin,
            Source = new SourceRequest { Type = "docker", Image = "docker.io/library/server:1", Command = ["--token", Canary] },
            Environment = [new CatalogVariable("TOKEN", false, true, Canary, null)],
        };
        var requests = new[]
        {
            Given.Request("built") with { Source = new SourceRequest { Type = "github", Repo = "owner/name", Branch = "main", BuildArgs = new Dictionary<string, string>(StringComparer.Ordinal) { ["TOKEN"] = Canary } } },
            Given.Request("composed") with { Source = new SourceRequest { Type = "compose", ComposeFile = $"services: {{ main: {{ image: \"docker.io/library/server:1\", environment: {{ TOKEN: {Canary} }} }} }}", MainService = "main" } },
            new DeployRequest { Name = "listed", CatalogServerId = "entry" },
        };
        foreach (var request in requests)
        {
            var id = (await House.Door.PutAsync(Given.Admin, Given.Create(request) with { IdempotencyKey = request.Name }, Ct)).Runtime.Id;

            RecordsJson.Write((await House.RecordAsync(id)).Asked.Spec).Should().Contain(Canary, "the compiler gets it whole");
            (await House.SpecColumnAsync(id)).Should().NotContain(Canary);
        }

        if (IsSqlite)
        {
            SqliteConnection.ClearAllPools();
            foreach (var file in Directory.GetFiles(Folder))
            {
                Encoding.Latin1.GetString(await ReadSharedAsync(file)).Should().NotContain(Canary, "{0} must hold no secret", Path.GetFileName(file));
            }
        }
    }

    [Test]
    public async Task A_spec_that_an_earlier_release_has_stored_is_read_as_it_is()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("one").With("API_KEY", Canary)), Ct)).Runtime.Id;
        var spec = (await House.RecordAsync(id)).Asked.Spec;
        await House.RewriteSpecAsync(id, RecordsJson.Write(spec));

        (await House.RecordAsync(id)).Asked.Spec.Should().BeEquivalentTo(spec);
        (await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one").With("API_KEY", Canary)), Ct)).Changed.Should().BeFalse();
    }

    [Test]
    public async Task The_same_secret_again_is_no_change_and_another_one_is()
    {
        await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("one").With("API_KEY", Canary)), Ct);

        (await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one").With("API_KEY", Canary)), Ct)).Changed.Should().BeFalse();
        (await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one").With("API_KEY", "another")), Ct)).Runtime.Generation.Should().Be(2);
    }

    [Test]
    public async Task A_tombstone_holds_no_secrets()
    {
        var lease = await House.LeadAsync();
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("one").With("API_KEY", Canary)), Ct)).Runtime.Id;
        await House.Door.DeleteAsync(Given.Ann, id, false, null, Ct);
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(id), RuntimeStatus.Deleted) with { Entomb = true }, lease, Ct);

        (await House.EnvironmentColumnAsync(id)).Should().BeNull();
        (await House.Store.EnvironmentAsync(id, 1, Ct)).Should().BeEmpty();
        (await House.Queries.FindAsync(Given.Ann, id, Ct))!.Status.Should().Be(RuntimeStatus.Deleted);
    }

    [Test]
    public async Task A_file_reference_is_read_and_a_rotated_secret_is_another_content()
    {
        var house = await AnotherAsync(change: options => options with { SecretsDirectory = Path.Combine(Folder, "secrets") });
        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(Folder, "secrets", "blue")).FullName, "token");
        await File.WriteAllTextAsync(file, "one\n", Ct);
        var request = Given.Request("one").With("TOKEN", "secret://file/token") with { TeamId = "blue" };

        var id = (await house.Door.PutAsync(Given.Ann, Given.Create(request), Ct)).Runtime.Id;
        (await house.Store.EnvironmentAsync(id, 1, Ct))["TOKEN"].Reveal().Should().Be("one");
        (await house.Get<IAuditLog>().ListAsync(null, 10, Ct)).Should().Contain(entry => entry.Action == "secret.use" && entry.After == "TOKEN = secret://file/token");
        (await house.Door.PutAsync(Given.Ann, Given.Update("one", request), Ct)).Changed.Should().BeFalse();

        await File.WriteAllTextAsync(file, "two\n", Ct);
        (await house.Door.PutAsync(Given.Ann, Given.Update("one", request), Ct)).Runtime.Generation.Should().Be(2);

        File.Delete(file);
        (await house.Store.EnvironmentAsync(id, 2, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Unavailable);
        var refused = await house.Door.PutAsync(Given.Ann, Given.Update("one", request), Ct).RefusedAsync();
        refused.Kind.Should().Be(RefusalKind.Invalid);
        refused.Errors.Should().ContainSingle(error => error.Path == "environment.TOKEN");
    }

    private static async Task<byte[]> ReadSharedAsync(string path)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[file.Length];
        await file.ReadExactlyAsync(bytes);
        return bytes;
    }
}

internal sealed class SealingTests
{
    private static readonly MasterKey Key = new(RecordsHouse.KeyBytes);
    private string _folder = "";

    [SetUp]
    public void Make() => _folder = Directory.CreateTempSubdirectory("mcprt-secrets-").FullName;

    [TearDown]
    public void Drop() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void A_sealed_value_opens_only_where_it_was_sealed()
    {
        var sealer = new Sealer(Key.Derive("environment"));
        var envelope = sealer.Seal("record", "NAME", new("value"));

        sealer.Open("record", "NAME", envelope).Reveal().Should().Be("value");
        sealer.Seal("record", "NAME", new("value")).Should().NotBe(envelope, "equal values must not look equal");
        Action[] wrong =
        [
            () => sealer.Open("other", "NAME", envelope),
            () => sealer.Open("record", "OTHER", envelope),
            () => new Sealer(Key.Derive("sessions")).Open("record", "NAME", envelope),
            () => sealer.Open("record", "NAME", Flip(envelope)),
            () => sealer.Open("record", "NAME", "AQ=="),
        ];
        wrong.Should().AllSatisfy(open => open.Should().Throw<CryptographicException>());
    }

    [Test]
    public void A_key_is_taken_as_base64_or_hex_and_made_readable_by_its_owner_alone()
    {
        var options = new Server.Records.RecordsOptions { DataDirectory = _folder };
        var hex = MasterKey.Load(options with { MasterKey = Convert.ToHexString(RecordsHouse.KeyBytes) }, mayCreate: false);
        var base64 = MasterKey.Load(options with { MasterKey = Convert.ToBase64String(RecordsHouse.KeyBytes) }, mayCreate: false);
        hex.Derive("x").Should().Equal(base64.Derive("x"));
        hex.Derive("x").Should().NotEqual(hex.Derive("y"));

        var made = MasterKey.Load(options, mayCreate: true);
        MasterKey.Load(options, mayCreate: true).Derive("x").Should().Equal(made.Derive("x"), "it is made once");
        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(Path.Combine(_folder, "master-key")).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        new Action(() => MasterKey.Load(options with { MasterKey = "short" }, mayCreate: true)).Should().Throw<InvalidOperationException>().WithMessage("RUNTIME_MASTER_KEY *");
        new Action(() => MasterKey.Load(options with { DataDirectory = Path.Combine(_folder, "none") }, mayCreate: false)).Should().Throw<InvalidOperationException>().WithMessage("*PostgreSQL*");
    }

    [TestCase("secret://file/../red/token")]
    [TestCase("secret://file//etc/passwd")]
    [TestCase("secret://file/out")]
    [TestCase("secret://file/dir/token")]
    [TestCase("secret://file/loop")]
    [TestCase("secret://file/absent")]
    [TestCase("secret://file/big")]
    [TestCase("secret://file/binary")]
    [TestCase("secret://env/PATH")]
    [TestCase("secret://env/MCPSECRET_NOT_THERE")]
    [TestCase("secret://kubernetes/ns/name/key")]
    [TestCase("secret://vault/x")]
    public async Task A_reference_that_leads_elsewhere_is_not_read(string uri)
    {
        var (blue, red) = (Directory.CreateDirectory(Path.Combine(_folder, "blue")).FullName, Directory.CreateDirectory(Path.Combine(_folder, "red")).FullName);
        await File.WriteAllTextAsync(Path.Combine(red, "token"), "reds own");
        await File.WriteAllTextAsync(Path.Combine(blue, "big"), new string('x', 70_000));
        await File.WriteAllBytesAsync(Path.Combine(blue, "binary"), [0xff, 0xfe, 0x00]);
        File.CreateSymbolicLink(Path.Combine(blue, "out"), Path.Combine(red, "token"));
        Directory.CreateSymbolicLink(Path.Combine(blue, "dir"), red);
        File.CreateSymbolicLink(Path.Combine(blue, "loop"), Path.Combine(blue, "loop"));

        var read = () => new SecretReferences(_folder).ReadAsync(uri, "blue", CancellationToken.None);

        (await read.Should().ThrowAsync<SecretUnreadableException>()).Which.Message.Should().NotContain("reds own");
    }

    [Test]
    public async Task Links_within_a_teams_folder_are_followed_as_mounted_secrets_need_it()
    {
        var blue = Directory.CreateDirectory(Path.Combine(_folder, "blue")).FullName;
        Directory.CreateDirectory(Path.Combine(blue, "..2026_01"));
        await File.WriteAllTextAsync(Path.Combine(blue, "..2026_01", "token"), "value\r\n");
        Directory.CreateSymbolicLink(Path.Combine(blue, "..data"), "..2026_01");
        File.CreateSymbolicLink(Path.Combine(blue, "token"), "..data/token");

        (await new SecretReferences(_folder).ReadAsync("secret://file/token", "blue", CancellationToken.None)).Reveal().Should().Be("value");
        var above = () => new SecretReferences(_folder).ReadAsync("secret://file/blue/token", "..", CancellationToken.None);
        await above.Should().ThrowAsync<SecretUnreadableException>();
    }

    private static string Flip(string envelope)
    {
        var bytes = Convert.FromBase64String(envelope);
        bytes[^1] ^= 1;
        return Convert.ToBase64String(bytes);
    }
}
