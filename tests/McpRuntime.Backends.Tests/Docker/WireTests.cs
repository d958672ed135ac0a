using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace McpRuntime.Backends.Tests.Docker;

/// <summary>The wire against engines that behave as no real one here does.</summary>
public sealed class WireTests
{
    private static readonly string[] Old = ["1.30", "1.12"];

    [Test]
    public async Task The_older_of_the_two_versions_is_spoken()
    {
        await using var old = await Engine.StartAsync(Old, c => c.Response.WriteAsync($$"""{"ID":"{{c.Request.Path}}"}"""));
        await using var young = await Engine.StartAsync(["1.99", "1.24"], c => c.Response.WriteAsync($$"""{"ID":"{{c.Request.Path}}"}"""));

        (await old.Wire.InfoAsync(default)).Id.Should().Be("/v1.30/info");
        (await young.Wire.InfoAsync(default)).Id.Should().Be("/v1.44/info");
    }

    [TestCase("1.20", "1.10", "EngineTooOld")]
    [TestCase("2.0", "1.60", "EngineTooNew")]
    [TestCase("x", "1.60", "EngineTooOld")]
    public async Task Too_old_and_too_new_an_engine_are_refused(string newest, string oldest, string reason)
    {
        await using var engine = await Engine.StartAsync([newest, oldest], _ => Task.CompletedTask);

        (await FaultAsync(() => engine.Wire.InfoAsync(default))).Reason.Should().Be(reason);
    }

    [TestCase(400, FaultKind.Refused)]
    [TestCase(401, FaultKind.Unauthorized)]
    [TestCase(403, FaultKind.Unauthorized)]
    [TestCase(409, FaultKind.Transient)]
    [TestCase(429, FaultKind.Throttled)]
    [TestCase(500, FaultKind.Transient)]
    [TestCase(503, FaultKind.Transient)]
    public async Task Every_status_is_a_kind_of_fault_in_the_engines_own_words(int status, FaultKind kind)
    {
        await using var engine = await Engine.StartAsync(Old, c =>
        {
            c.Response.StatusCode = status;
            c.Response.Headers.RetryAfter = "7";
            return c.Response.WriteAsync("""{"message":"the engine's words"}""");
        });

        var fault = await FaultAsync(() => engine.Wire.InfoAsync(default));

        fault.Kind.Should().Be(kind);
        fault.Message.Should().Contain("the engine's words").And.Contain($"{status}");
        fault.RetryAfter.Should().Be(TimeSpan.FromSeconds(7));
    }

    [Test]
    public async Task What_is_not_there_is_a_value()
    {
        await using var engine = await Engine.StartAsync(Old, c =>
        {
            c.Response.StatusCode = 404;
            return Task.CompletedTask;
        });

        (await engine.Wire.InspectContainerAsync("x", default)).Should().BeNull();
        (await engine.Wire.RemoveContainerAsync("x", default)).Should().BeFalse();
        (await engine.Wire.RemoveNetworkAsync("x", default)).Answer.Should().Be(RemoveAnswer.Absent);
        (await engine.Wire.StartContainerAsync("x", default)).Answer.Should().Be(StartAnswer.NotFound);
    }

    [TestCase("<html>")]
    [TestCase("{\"ID\":")]
    [TestCase("null")]
    [TestCase("")]
    [TestCase("[]")]
    public async Task What_is_not_the_documented_json_is_a_transient_fault(string body)
    {
        await using var engine = await Engine.StartAsync(Old, c => c.Response.WriteAsync(body));

        (await FaultAsync(() => engine.Wire.InfoAsync(default))).Kind.Should().Be(FaultKind.Transient);
    }

    [Test]
    public async Task An_endless_answer_is_cut_off()
    {
        await using var engine = await Engine.StartAsync(Old, async c =>
        {
            await c.Response.WriteAsync("[");
            var block = new string(' ', 1 << 20);
            while (!c.RequestAborted.IsCancellationRequested)
            {
                await c.Response.WriteAsync(block, c.RequestAborted);
            }
        });

        (await FaultAsync(() => engine.Wire.ListContainersAsync(default, "a=b"))).Message.Should().Contain("larger");
    }

    [Test]
    public async Task An_engine_that_hangs_is_a_fault_when_its_time_is_up_and_the_callers_own_cancellation_is_not()
    {
        var time = new ManualTime();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var engine = await Engine.StartAsync(
            Old,
            async c =>
            {
                asked.TrySetResult();
                await Task.Delay(Timeout.Infinite, c.RequestAborted);
            },
            time);

        var hanging = FaultAsync(() => engine.Wire.InfoAsync(default));
        await asked.Task;
        time.Advance(TimeSpan.FromSeconds(61));
        (await hanging).Reason.Should().Be("EngineTimeout");

        using var mine = new CancellationTokenSource();
        var cancelled = async () => await engine.Wire.InfoAsync(mine.Token);
        var running = cancelled.Should().ThrowAsync<OperationCanceledException>();
        await mine.CancelAsync();
        await running;
    }

    [Test]
    public async Task Events_end_by_themselves_and_broken_ones_are_faults()
    {
        await using var engine = await Engine.StartAsync(Old, c => c.Response.WriteAsync("""{"Type":"container","Action":"die","Actor":{"ID":"x"},"timeNano":5}""" + "\n\nnot json\n"));
        List<EngineEvent> events = [];

        var read = async () =>
        {
            await foreach (var e in engine.Wire.EventsAsync(null, TimeSpan.FromSeconds(5), default))
            {
                events.Add(e);
            }
        };

        await read.Should().ThrowAsync<BackendFault>();
        events.Should().ContainSingle().Which.TimeNano.Should().Be(5);
    }

    [TestCase("../../v1.41/info")]
    [TestCase("a/b")]
    [TestCase("a?b")]
    [TestCase("")]
    public async Task A_name_that_would_be_a_path_is_refused_before_it_is_sent(string name)
    {
        await using var engine = await Engine.StartAsync(Old, _ => throw new AssertionException("It was sent."));

        (await FaultAsync(() => engine.Wire.RemoveContainerAsync(name, default))).Kind.Should().Be(FaultKind.Refused);
        (await FaultAsync(() => engine.Wire.InspectImageAsync("x/../" + name + "?", default))).Kind.Should().Be(FaultKind.Refused);
    }

    [Test]
    public async Task Over_tls_both_sides_are_known_by_their_authority_alone()
    {
        using var folder = new CertificateFolder();
        await using var engine = await Engine.StartAsync(Old, c => c.Response.WriteAsync("""{"ID":"tls"}"""), certificates: folder);
        using var other = new CertificateFolder();
        using var stranger = new DockerWire(engine.Wire.Endpoint with { CertificateFolder = other.Path }, TimeProvider.System);

        (await engine.Wire.InfoAsync(default)).Id.Should().Be("tls");
        (await FaultAsync(() => stranger.InfoAsync(default))).Kind.Should().Be(FaultKind.Transient);
    }

    private static async Task<Fault> FaultAsync(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (BackendFault fault)
        {
            return fault.Fault;
        }

        throw new AssertionException("There was no fault.");
    }

    [Test]
    public async Task A_registry_that_makes_the_engine_wait_is_not_waited_for_by_the_next_deploy()
    {
        var time = new ManualTime();
        var asked = 0;
        await using var engine = await Engine.StartAsync(Old, c =>
        {
            if (c.Request.Path.Value!.Contains("/distribution/", StringComparison.Ordinal))
            {
                asked++;
                time.Advance(TimeSpan.FromSeconds(20));
                c.Response.StatusCode = 500;
                return c.Response.WriteAsync("""{"message":"lookup registry: i/o timeout"}""");
            }

            c.Response.StatusCode = c.Request.Path.Value.Contains("here", StringComparison.Ordinal) ? 200 : 404;
            return c.Response.WriteAsync("""{"Id":"sha256:1111111111111111111111111111111111111111111111111111111111111111"}""");
        });
        using var credentials = new RegistryCredentials(null);
        var pins = new ImagePins(engine.Wire, new DockerOptions(), credentials, time);

        async Task<int> AskedForAsync(string image, bool found, string? team = null)
        {
            var before = asked;
            ImageReference.TryParse(image, out var reference, out _).Should().BeTrue();
            (await pins.FindAsync(reference!, team, default)).Should().BeOfType(found ? typeof(Resolution.Resolved) : typeof(Resolution.Faulted));
            return asked - before;
        }

        (await AskedForAsync("far.example/acme/here:1", found: true)).Should().Be(1);
        (await AskedForAsync("far.example/acme/here:2", found: true)).Should().Be(0, "it was silent a moment ago, and the engine has the image");
        (await AskedForAsync("far.example/acme/here:2", found: true, team: "other")).Should().Be(1, "what another team may have is asked with its own credentials");
        (await AskedForAsync("other.example/acme/here:1", found: true)).Should().Be(1, "another registry is another matter");
        (await AskedForAsync("far.example/acme/absent:1", found: false)).Should().Be(1, "there is nothing else to go by");
        time.Advance(TimeSpan.FromSeconds(31));
        (await AskedForAsync("far.example/acme/here:1", found: true)).Should().Be(1, "it may be back");
    }

    private sealed class Engine(WebApplication app, DockerWire wire) : IAsyncDisposable
    {
        public DockerWire Wire => wire;

        public static async Task<Engine> StartAsync(string[] versions, RequestDelegate answer, TimeProvider? time = null, CertificateFolder? certificates = null)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                if (certificates is not null)
                {
                    listen.UseHttps(https =>
                    {
                        https.ServerCertificate = certificates.Server;
                        https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
                        https.ClientCertificateValidation = (certificate, _, _) => certificate.Issuer == certificates.Authority.Subject;
                    });
                }
            }));
            var app = builder.Build();
            app.Run(c => c.Request.Path == "/version" ? c.Response.WriteAsync($$"""{"ApiVersion":"{{versions[0]}}","MinAPIVersion":"{{versions[1]}}"}""") : answer(c));
            await app.StartAsync();
            var port = new Uri(app.Urls.Single()).Port;
            return new Engine(app, new DockerWire(new DockerEndpoint(null, "localhost", port, certificates?.Path), time ?? TimeProvider.System));
        }

        public async ValueTask DisposeAsync()
        {
            wire.Dispose();
            await app.DisposeAsync();
        }
    }

    /// <summary>DOCKER_CERT_PATH's layout with an authority of its own.</summary>
    private sealed class CertificateFolder : IDisposable
    {
        public CertificateFolder()
        {
            Path = Directory.CreateTempSubdirectory("docker-tls-").FullName;
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest("CN=authority-" + Guid.NewGuid().ToString("N"), key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            Authority = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
            Server = Issue("CN=localhost");
            using var client = Issue("CN=client");
            File.WriteAllText(Path + "/ca.pem", Authority.ExportCertificatePem());
            File.WriteAllText(Path + "/cert.pem", client.ExportCertificatePem());
            File.WriteAllText(Path + "/key.pem", client.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        }

        public string Path { get; }

        public X509Certificate2 Authority { get; }

        public X509Certificate2 Server { get; }

        public void Dispose()
        {
            Authority.Dispose();
            Server.Dispose();
            Directory.Delete(Path, recursive: true);
        }

        private X509Certificate2 Issue(string name)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddDnsName("localhost");
            request.CertificateExtensions.Add(names.Build());
            using var issued = request.Create(Authority, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(100), RandomNumberGenerator.GetBytes(8));
            using var whole = issued.CopyWithPrivateKey(key);
            return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
        }
    }
}
