using System.Diagnostics;
using McpRuntime.Backends.Tests.Git;
using static McpRuntime.Server.Tests.Sources.GitOpsHouse;

namespace McpRuntime.Server.Tests.Sources;

/// <summary>Keys made for the test, by the programs that people make theirs with.</summary>
[Category("GitOps")]
[Parallelizable(ParallelScope.All)]
internal sealed class GitSignatureTests
{
    private GitServer _server = null!;
    private string _keys = "";

    [OneTimeSetUp]
    public async Task Open()
    {
        _server = await GitServer.StartAsync();
        _keys = Directory.CreateTempSubdirectory("signers-").FullName;
    }

    [OneTimeTearDown]
    public async Task Close()
    {
        foreach (var home in Directory.GetDirectories(_keys))
        {
            await RunAsync("gpgconf", "--homedir", home, "--kill", "all");
        }

        await _server.DisposeAsync();
        Directory.Delete(_keys, recursive: true);
    }

    [Test]
    public async Task Of_ssh_keys_only_those_in_the_list_of_allowed_signers_apply_a_commit()
    {
        var (ada, eve) = (Path.Combine(_keys, "ada"), Path.Combine(_keys, "eve"));
        foreach (var key in new[] { ada, eve })
        {
            await RunAsync("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key);
        }

        var allowed = Path.Combine(_keys, "allowed");
        await File.WriteAllTextAsync(allowed, $"ada@example.org {await File.ReadAllTextAsync(ada + ".pub")}");
        await OnlyTheFirstMayAsync(("RUNTIME_GIT_ALLOWED_SIGNERS", allowed), key => ["gpg.format=ssh", $"user.signingKey={(key == 0 ? ada : eve)}"]);
    }

    [Test]
    public async Task Of_OpenPGP_keys_only_those_in_the_keyring_apply_a_commit()
    {
        var (ada, eve, ring) = (await HomeAsync("ada-home"), await HomeAsync("eve-home"), await HomeAsync("ring"));
        foreach (var home in new[] { ada, eve })
        {
            await RunAsync("gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", "", "--quick-gen-key", "signer@example.org", "ed25519", "sign", "never");
            var program = $"{home}/gpg";
            await File.WriteAllTextAsync(program, $"#!/bin/sh\nexec gpg --homedir {home} \"$@\"\n");
            await RunAsync("chmod", "700", program);
        }

        await RunAsync("gpg", "--homedir", ada, "--batch", "--quiet", "--export", "--output", $"{ada}/public");
        await RunAsync("gpg", "--homedir", ring, "--batch", "--quiet", "--import", $"{ada}/public");
        await OnlyTheFirstMayAsync(("RUNTIME_GIT_GPG_HOME", ring), key => [$"gpg.program={(key == 0 ? ada : eve)}/gpg", "user.signingKey=signer@example.org"]);
    }

    private async Task OnlyTheFirstMayAsync((string Name, string Value) signers, Func<int, IReadOnlyList<string>> signAs)
    {
        await using var house = await BuildAsync(_server, [("a.yaml", Manifest("a"))], ", \"verify_signatures\": true", more: signers);
        (await house.SyncAsync()).GetProperty("reason").GetString().Should().Be("NotSigned");
        (await house.LiveAsync()).Should().BeEmpty();

        await SignAsync(house, signAs(0));
        var signed = await house.SyncAsync();
        signed.GetProperty("error").GetString().Should().BeNull();
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a");

        await house.CommitAsync(("b.yaml", Manifest("b")));
        await SignAsync(house, signAs(1));
        var refused = await house.SyncAsync();
        (refused.GetProperty("reason").GetString(), refused.GetProperty("commit").GetString()).Should().Be(("NotSigned", signed.GetProperty("commit").GetString()));
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a");

        // What others have committed is applied with whoever signs for the top of it.
        await SignAsync(house, signAs(0));
        (await house.SyncAsync()).GetProperty("error").GetString().Should().BeNull();
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a", "b");
    }

    /// <summary>One more commit on top.</summary>
    private async Task SignAsync(GitOpsHouse house, IReadOnlyList<string> configuration)
    {
        var work = Path.Combine(_server.Folder, "work", house.Repository);
        string[] settings = ["user.name=Ada", "user.email=ada@example.org", .. configuration];
        await GitServer.GitAsync(work, [.. settings.SelectMany(setting => new[] { "-c", setting }), "commit", "--quiet", "--allow-empty", "-S", "-m", "signed"]);
        await GitServer.GitAsync(work, "push", "--quiet", house.Bare, "main");
    }

    private async Task<string> HomeAsync(string name)
    {
        var home = Directory.CreateDirectory(Path.Combine(_keys, name)).FullName;
        await RunAsync("chmod", "700", home);
        return home;
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        process.ExitCode.Should().Be(0, "{0} {1}", program, string.Join(' ', arguments));
    }
}
