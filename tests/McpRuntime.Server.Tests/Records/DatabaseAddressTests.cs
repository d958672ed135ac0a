using McpRuntime.Server.Records;
using Npgsql;

namespace McpRuntime.Server.Tests.Records;

internal sealed class DatabaseAddressTests
{
    [Test]
    public void Nothing_means_a_file_in_the_data_folder()
    {
        var address = Of(null);

        address.SqliteFile.Should().Be(Path.GetFullPath("somewhere/records.db"));
        Of("Data Source=other.db").SqliteFile.Should().Be(Path.GetFullPath("other.db"));
    }

    [TestCase("postgres://us%40er:p%3Ass@db.example:6543/runtimes?sslmode=verify-full")]
    [TestCase("postgresql://us%40er:p%3Ass@db.example:6543/runtimes?sslmode=verify-full")]
    [TestCase("Host=db.example;Port=6543;Username=us@er;Password=p:ss;Database=runtimes;SSL Mode=VerifyFull")]
    public void A_url_and_an_Npgsql_string_mean_the_same(string url)
    {
        var address = Of(url);

        address.SqliteFile.Should().BeNull();
        var parsed = new NpgsqlConnectionStringBuilder(address.ConnectionString);
        (parsed.Host, parsed.Port, parsed.Username, parsed.Password, parsed.Database, parsed.SslMode)
            .Should().Be(("db.example", 6543, "us@er", "p:ss", "runtimes", SslMode.VerifyFull));
        parsed.CommandTimeout.Should().BeLessThanOrEqualTo(10, "a hung database must not hold a caller");
    }

    [TestCase("mysql://u:hidden@h/d")]
    [TestCase("Host=;Password=hidden")]
    [TestCase("postgres://u:hidden@:x/")]
    [TestCase("postgres://u:hidden@h/d?nonsense=1")]
    public void Anything_else_is_an_error_that_names_the_variable_and_shows_no_password(string url)
    {
        var read = () => Of(url);

        read.Should().Throw<InvalidOperationException>().WithMessage("RUNTIME_DATABASE_URL*").Which.Message.Should().NotContain("hidden");
    }

    private static DatabaseAddress Of(string? url) => DatabaseAddress.Of(new RecordsOptions { DataDirectory = "somewhere", DatabaseUrl = url });
}
