using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using McpRuntime.Backends.Kubernetes.Wire;

namespace McpRuntime.Backends.Tests.Kubernetes;

/// <summary>Kubeconfigs as people have them, and the Pod's own account.</summary>
[TestFixture]
[System.Runtime.Versioning.SupportedOSPlatform("linux")]
internal sealed class AccessTests
{
    private string _folder = "";

    [SetUp]
    public void Make() => _folder = Directory.CreateTempSubdirectory("kubeconfig-").FullName;

    [TearDown]
    public void Remove() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task The_current_context_says_where_and_with_which_token()
    {
        var access = Load("""
            current-context: b
            contexts: [{name: a, context: {cluster: one, user: x}}, {name: b, context: {cluster: two, user: y, namespace: tools}}]
            clusters: [{name: one, cluster: {server: "https://one:6443"}}, {name: two, cluster: {server: "https://two:6443/prefix", insecure-skip-tls-verify: true}}]
            users: [{name: x, user: {token: wrong}}, {name: y, user: {token: right}}]
            """);

        access.Server.Should().Be(new Uri("https://two:6443/prefix/"));
        access.Namespace.Should().Be("tools");
        access.Insecure.Should().BeTrue();
        (await access.Token.ReadAsync(default)).Should().Be("right");
    }

    [Test]
    public async Task A_plugins_token_is_kept_until_it_is_refused()
    {
        var plugin = Path.Combine(_folder, "plugin");
        await File.WriteAllTextAsync(plugin, $$"""
            #!/bin/sh
            echo run >> {{_folder}}/runs
            echo "{\"kind\":\"ExecCredential\",\"status\":{\"token\":\"$1-$STAGE-$(wc -l < {{_folder}}/runs)\"} }"
            """);
        File.SetUnixFileMode(plugin, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var access = Load("""
            current-context: a
            contexts: [{name: a, context: {cluster: one, user: x}}]
            clusters: [{name: one, cluster: {server: "https://one:6443"}}]
            users: [{name: x, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./plugin, args: ["a b; c"], env: [{name: STAGE, value: test}]}}}]
            """);

        (await access.Token.ReadAsync(default)).Should().Be("a b; c-test-1");
        (await access.Token.ReadAsync(default)).Should().Be("a b; c-test-1");
        access.Token.Renew().Should().BeTrue();
        (await access.Token.ReadAsync(default)).Should().Be("a b; c-test-2");
    }

    [Test]
    public async Task A_plugin_that_fails_is_told_with_its_words_and_no_token()
    {
        var access = Load("""
            current-context: a
            contexts: [{name: a, context: {cluster: one, user: x}}]
            clusters: [{name: one, cluster: {server: "https://one:6443"}}]
            users: [{name: x, user: {exec: {command: sh, args: ["-c", "echo not logged in >&2; exit 3"]}}}]
            """);

        var fault = (await FluentActions.Awaiting(() => access.Token.ReadAsync(default).AsTask()).Should().ThrowAsync<BackendFault>()).Which.Fault;

        fault.Kind.Should().Be(Core.Planning.FaultKind.Unauthorized);
        fault.Message.Should().Contain("ended with 3").And.Contain("not logged in");
    }

    [TestCase("clusters: []", "current-context")]
    [TestCase("current-context: a", "no context named \"a\"")]
    [TestCase("{current-context: a, contexts: [{name: a, context: {cluster: c}}]}", "no cluster named \"c\"")]
    [TestCase("{current-context: a, contexts: [{name: a, context: {cluster: c}}], clusters: [{name: c, cluster: {server: 'https://c', proxy-url: 'http://p'}}]}", "proxy-url")]
    [TestCase("{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: 'https://c'}}], users: [{name: u, user: {username: u, password: p}}]}", "password")]
    [TestCase("{current-context: a, contexts: [{name: a, context: {cluster: c}}], clusters: [{name: c, cluster: {server: 'ftp://c'}}]}", "server address")]
    [TestCase("a: [", "not YAML")]
    public void What_cant_be_used_is_told_with_the_file_and_the_reason(string text, string reason) =>
        FluentActions.Invoking(() => Load(text)).Should().Throw<FormatException>().WithMessage($"*{_folder}*{reason}*");

    [Test]
    public void A_client_certificate_comes_with_its_key()
    {
        using var key = RSA.Create(2048);
        using var made = new CertificateRequest("CN=ada", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(90));
        File.WriteAllText(Path.Combine(_folder, "c.pem"), made.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "k.pem"), key.ExportPkcs8PrivateKeyPem());

        var access = Load("{current-context: a, contexts: [{name: a, context: {cluster: c, user: u}}], clusters: [{name: c, cluster: {server: 'https://c'}}], users: [{name: u, user: {client-certificate: c.pem, client-key: k.pem}}]}");

        access.Certificate!.HasPrivateKey.Should().BeTrue();
        access.Certificate.Subject.Should().Be("CN=ada");
    }

    [Test]
    public async Task In_a_pod_the_token_is_read_again_when_it_was_renewed()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "token"), "first\n");
        await File.WriteAllTextAsync(Path.Combine(_folder, "ca.crt"), "");
        await File.WriteAllTextAsync(Path.Combine(_folder, "namespace"), "home");
        var time = new ManualTime();
        var access = ClusterAccess.Find(kubeconfig: null, time, _folder, name => name switch { "KUBERNETES_SERVICE_HOST" => "fd00::1", "KUBERNETES_SERVICE_PORT" => "443", _ => null });

        (await access.Token.ReadAsync(default)).Should().Be("first");
        await File.WriteAllTextAsync(Path.Combine(_folder, "token"), "second\n");
        (await access.Token.ReadAsync(default)).Should().Be("first");
        time.Advance(TimeSpan.FromMinutes(2));

        (await access.Token.ReadAsync(default)).Should().Be("second");
        access.Server.Should().Be(new Uri("https://[fd00::1]:443/"));
        access.Namespace.Should().Be("home");
    }

    private ClusterAccess Load(string text)
    {
        var path = Path.Combine(_folder, "config");
        File.WriteAllText(path, text);
        return ClusterAccess.Find(path, TimeProvider.System);
    }
}
