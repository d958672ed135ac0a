using System.Net;
using McpRuntime.Backends.Git;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Git;

/// <summary>The git program against git's own server, over TLS on loopback.</summary>
[Category("Git")]
public sealed class GitTests
{
    private GitServer _server = null!;
    private GitClient _git = null!;
    private string _data = "";

    [OneTimeSetUp]
    public async Task Open()
    {
        _server = await GitServer.StartAsync();
        _data = Directory.CreateTempSubdirectory("git-data-").FullName;
        await File.WriteAllTextAsync(Path.Combine(_server.Folder, "credentials.json"), $$"""{"credentials": [{"repository": "{{_server.Authority}}/private", "username": "{{GitServer.User}}", "password": "{{GitServer.Password}}", "teams": ["a"]}]}""");
        _git = new GitClient(Options(), TimeProvider.System);
        _ = await _server.CreateAsync("acme/server", ("Dockerfile", "FROM scratch\n"), ("src/program.txt", "one"));
        _ = await _server.CreateAsync("private/server", ("secret.txt", "two"));
    }

    [OneTimeTearDown]
    public async Task Close()
    {
        _git.Dispose();
        await _server.DisposeAsync();
        Directory.GetFileSystemEntries(Path.Combine(_data, "usual")).Should().BeEmpty("every throw-away folder goes");
        Directory.Delete(_data, recursive: true);
    }

    [Test]
    public async Task A_branch_a_tag_and_an_annotated_tag_are_the_commits_they_name_and_the_tree_is_that_commits()
    {
        var first = await _server.CreateAsync("acme/moves", ("file", "1"));
        var bare = Path.Combine(_server.Folder, "acme/moves");
        _ = await GitServer.GitAsync(bare, "tag", "v1", first);
        _ = await GitServer.GitAsync(bare, "-c", "user.name=A", "-c", "user.email=a@b", "tag", "-a", "v1-signed", "-m", "words", first);
        var second = await _server.CommitAsync("acme/moves", "second", ("file", "2"));

        (await ResolveAsync("acme/moves", "main")).Should().Be(second);
        (await ResolveAsync("acme/moves", "HEAD")).Should().Be(second);
        (await ResolveAsync("acme/moves", "v1")).Should().Be(first);
        (await ResolveAsync("acme/moves", "v1-signed")).Should().Be(first);
        using var checkout = await _git.CheckOutAsync(_server.Url("acme/moves"), null, first, default);
        (await File.ReadAllTextAsync(Path.Combine(checkout.Folder, "file"))).Should().Be("1");
        checkout.Files.Select(f => f.Path).Should().Equal("file");
        Directory.Exists(Path.Combine(checkout.Folder, ".git")).Should().BeFalse();
    }

    [Test]
    public async Task What_is_not_there_is_refused_by_name()
    {
        (await FaultAsync(() => ResolveAsync("acme/server", "none"))).Reason.Should().Be("RefNotFound");
        (await FaultAsync(() => ResolveAsync("acme/none", "main"))).Reason.Should().Be("RepositoryNotFound");
        (await FaultAsync(() => ResolveAsync("moved/server", "main"))).Reason.Should().Be("RepositoryMoved");
        (await FaultAsync(() => _git.CheckOutAsync(_server.Url("acme/server"), null, new string('a', 40), default))).Reason.Should().Be("CommitNotFound");
    }

    [Test]
    public async Task Credentials_go_to_their_own_prefix_and_team_alone_and_show_in_no_argument_and_no_environment()
    {
        (await _git.ResolveAsync(_server.Url("private/server"), "a", "main", default)).Should().HaveLength(40);
        (await FaultAsync(() => _git.ResolveAsync(_server.Url("private/server"), "b", "main", default))).Reason.Should().Be("RepositoryDenied");
        lock (_server.Authorizations)
        {
            _server.Authorizations.Clear();
        }

        _ = await _git.ResolveAsync(_server.Url("acme/server"), "a", "main", default);
        _server.Authorizations.Should().OnlyContain(a => a == null);

        var gate = new TaskCompletionSource();
        _server.Gate = gate.Task;
        var asking = _git.ResolveAsync(_server.Url("private/server"), "a", "main", default);
        await Contract.Eventually.HoldsAsync(() => Task.FromResult(Processes().Any(p => p.Contains("git-remote-https", StringComparison.Ordinal))));
        var seen = string.Join('\n', Processes());
        gate.SetResult();
        _ = await asking;
        _server.Gate = Task.CompletedTask;
        seen.Should().Contain("git-remote-https").And.NotContain(GitServer.Password).And.NotContain(Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{GitServer.User}:{GitServer.Password}")));
    }

    [Test]
    public async Task Private_addresses_and_other_hosts_are_refused_before_anything_is_asked()
    {
        using var closed = new GitClient(Options() with { AllowedAddresses = [] }, TimeProvider.System);
        (await FaultAsync(() => closed.ResolveAsync(_server.Url("acme/server"), null, "main", default))).Reason.Should().Be("AddressNotAllowed");
        (await FaultAsync(() => _git.ResolveAsync("https://example.org/acme/server", null, "main", default))).Message.Should().Contain("RUNTIME_GIT_ALLOWED_HOSTS");
        foreach (var url in new[] { "file:///etc", "ssh://localhost/acme/server", "ext::sh -c id", "--upload-pack=id", "https://u:p@localhost/acme/server", "http://localhost/acme/server" })
        {
            (await FaultAsync(() => _git.ResolveAsync(url, null, "main", default))).Reason.Should().Be("BadRepository");
        }
    }

    [Test]
    public async Task A_repository_that_is_too_large_or_unfolds_into_too_much_is_stopped_and_nothing_of_it_is_left()
    {
        var large = await _server.CreateAsync("acme/large", ("noise", Noise(3 << 20)));
        using var small = new GitClient(Options() with { MostBytes = 1 << 20, DataFolder = Path.Combine(_data, "small") }, TimeProvider.System);
        (await FaultAsync(() => small.CheckOutAsync(_server.Url("acme/large"), null, large, default))).Reason.Should().Be("RepositoryTooLarge");

        var folded = await _server.CommitAsync("acme/bomb", "bomb", async work =>
        {
            _ = Directory.CreateDirectory(Path.Combine(_server.Folder, "acme/bomb"));
            _ = await GitServer.GitAsync(_server.Folder, "init", "--quiet", "--bare", "--initial-branch=main", Path.Combine(_server.Folder, "acme/bomb"));
            foreach (var folder in Enumerable.Range(0, 200))
            {
                _ = Directory.CreateDirectory(Path.Combine(work, $"{folder}"));
                foreach (var file in Enumerable.Range(0, 10))
                {
                    await File.WriteAllTextAsync(Path.Combine(work, $"{folder}", $"{file}"), "same");
                }
            }
        });
        using var few = new GitClient(Options() with { MostFiles = 1_000, DataFolder = Path.Combine(_data, "few") }, TimeProvider.System);
        (await FaultAsync(() => few.CheckOutAsync(_server.Url("acme/bomb"), null, folded, default))).Reason.Should().Be("RepositoryTooLarge");

        Directory.GetFiles(Path.Combine(_data, "small"), "*", SearchOption.AllDirectories).Should().OnlyContain(f => f.EndsWith("held"));
        small.Dispose();
        few.Dispose();
        Directory.Delete(Path.Combine(_data, "small"));
        Directory.Delete(Path.Combine(_data, "few"));
    }

    [Test]
    public async Task Hooks_filters_and_links_do_nothing_to_this_machine()
    {
        var commit = await _server.CreateAsync("acme/hostile", (".gitattributes", "* filter=evil\n"), ("inside.txt", "in"));
        commit = await _server.CommitAsync("acme/hostile", "links", work =>
        {
            _ = File.CreateSymbolicLink(Path.Combine(work, "out"), "/etc/passwd");
            _ = File.CreateSymbolicLink(Path.Combine(work, "up"), "../../../../../etc/passwd");
            _ = File.CreateSymbolicLink(Path.Combine(work, "in"), "inside.txt");
            return Task.CompletedTask;
        });
        using var checkout = await _git.CheckOutAsync(_server.Url("acme/hostile"), null, commit, default);

        (await FaultAsync(() => checkout.ReadAsync("out", 1_000, default))).Reason.Should().Be("OutsideTheRepository");
        (await FaultAsync(() => checkout.ReadAsync("up", 1_000, default))).Reason.Should().Be("OutsideTheRepository");
        (await FaultAsync(() => checkout.ReadAsync("../gitconfig", 1_000, default))).Reason.Should().Be("OutsideTheRepository");
        System.Text.Encoding.UTF8.GetString((await checkout.ReadAsync("in", 1_000, default))!).Should().Be("in");
    }

    [Test]
    public async Task A_server_that_does_not_answer_is_given_up_in_time()
    {
        var gate = new TaskCompletionSource();
        using var hurried = new GitClient(Options() with { RefTimeout = TimeSpan.FromSeconds(1) }, TimeProvider.System);
        _server.Gate = gate.Task;
        var fault = await FaultAsync(() => hurried.ResolveAsync(_server.Url("acme/server"), null, "main", default));
        gate.SetResult();
        _server.Gate = Task.CompletedTask;

        fault.Should().Match<Fault>(f => f.Reason == "GitTimeout" && f.Kind == FaultKind.Transient);
    }

    [Test]
    public void What_a_killed_process_left_goes_with_the_next_start_and_a_live_ones_stays()
    {
        var parent = Path.Combine(_data, "leftovers");
        using (var alive = new WorkFolders(parent))
        {
            var kept = alive.Create();
            _ = Directory.CreateDirectory(Path.Combine(parent, "dead", "1"));
            using var next = new WorkFolders(parent);
            Directory.Exists(Path.Combine(parent, "dead")).Should().BeFalse();
            Directory.Exists(kept).Should().BeTrue();
        }

        Directory.Delete(parent);
    }

    private GitOptions Options() => new()
    {
        DataFolder = Path.Combine(_data, "usual"),
        AllowedHosts = [_server.Authority, "localhost"],
        AllowedAddresses = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")],
        CredentialsFile = Path.Combine(_server.Folder, "credentials.json"),
        AuthoritiesFile = _server.Authorities,
    };

    private Task<string> ResolveAsync(string repository, string reference) => _git.ResolveAsync(_server.Url(repository), null, reference, default);

    private static async Task<Fault> FaultAsync(Func<Task> act) => (await act.Should().ThrowAsync<BackendFault>()).Which.Fault;

    /// <summary>Command line and environment of every process, as far as this user may read them.</summary>
    private static IEnumerable<string> Processes()
    {
        foreach (var folder in Directory.GetDirectories("/proc").Where(d => Path.GetFileName(d).All(char.IsAsciiDigit)))
        {
            string text;
            try
            {
                var arguments = File.ReadAllText(Path.Combine(folder, "cmdline"));
                text = arguments.Contains("git", StringComparison.Ordinal) ? arguments + '\0' + File.ReadAllText(Path.Combine(folder, "environ")) : "";
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue;
            }

            yield return text;
        }
    }

    private static string Noise(int length)
    {
        var random = new System.Random(7);
        return string.Create(length, random, (span, r) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = (char)r.Next('!', '~');
            }
        });
    }
}

/// <summary>Whatever is sent as a name or an address: judged in bounded time, and nothing of an option or another host in what passes.</summary>
public sealed class GitNamesFuzz
{
    private static readonly GitOptions Options = new() { DataFolder = "unused", AllowedHosts = ["github.com"] };

    [Test]
    public void Ten_thousand_addresses()
    {
        var pieces = new[] { "https://", "http://", "file://", "ssh://", "github.com", "github.com:444", "evil.org", "@", ":", "/", "//", "..", ".git", "-", "--upload-pack=x", "a", "owner", "name", "?", "#", "%2e%2e", "\0", "\n", " ", "é", "[::1]", "\\", "ext::" };
        Property(pieces, text =>
        {
            try
            {
                var parsed = GitRepository.Parse(text, Options);
                return parsed.Host == "github.com" && parsed.Port == 443 && parsed.Url.StartsWith("https://github.com/", StringComparison.Ordinal) && !parsed.Path.Split('/').Any(p => p is ".." or "" || p[0] == '-');
            }
            catch (BackendFault fault)
            {
                return fault.Fault.Reason == "BadRepository";
            }
        });
    }

    [Test]
    public void Ten_thousand_refs()
    {
        var pieces = new[] { "main", "refs/heads/", "-", "--", "..", "@{", "~", "^", ":", "*", "\\", " ", "\0", "\n", ".lock", "/", "//", "HEAD", "é", "v1.0", "@", "." };
        Property(pieces, text => !GitRefName.IsRef(text) || (text[0] != '-' && !text.Any(c => char.IsControl(c) || char.IsWhiteSpace(c)) && !text.Contains("..", StringComparison.Ordinal)));
    }

    private static void Property(string[] pieces, Func<string, bool> holds)
    {
        var random = new System.Random(20_261_125);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        for (var i = 0; i < 10_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => pieces[random.Next(pieces.Length)]));
            holds(text).Should().BeTrue($"of {text} (input {i})");
        }

        watch.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20));
    }
}
