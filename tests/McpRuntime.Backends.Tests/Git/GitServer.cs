using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Backends.Tests.Git;

/// <summary>git's own server program (smart HTTP) behind TLS on loopback, and repositories to serve. A repository below <c>private/</c> wants the password.</summary>
internal sealed class GitServer : IAsyncDisposable
{
    public const string User = "ada";
    public const string Password = "p4ss-w0rd";

    private readonly WebApplication _app;
    private readonly X509Certificate2 _certificate;

    private GitServer(WebApplication app, X509Certificate2 certificate, string folder, int port)
    {
        (_app, _certificate, Folder, Port) = (app, certificate, folder, port);
        Authorities = Path.Combine(folder, "ca.pem");
        File.WriteAllText(Authorities, certificate.ExportCertificatePem());
    }

    /// <summary>Its repositories, bare, and work folders beside them.</summary>
    public string Folder { get; }

    public int Port { get; }

    public string Authority => string.Create(CultureInfo.InvariantCulture, $"localhost:{Port}");

    /// <summary>PEM.</summary>
    public string Authorities { get; }

    /// <summary>Authorization headers as they came.</summary>
    public List<string?> Authorizations { get; } = [];

    /// <summary>Requests wait for this before they are answered.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    /// <summary>Whoever asks, this many answers are whole; the next one breaks off, and so does every other. Null: all are whole.</summary>
    public int? WholeAnswers { get; set; }

    public string Url(string repository) => $"https://{Authority}/{repository}";

    public static async Task<GitServer> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("git-server-").FullName;
        var certificate = SelfSigned();
        var builder = WebApplication.CreateSlimBuilder();
        _ = builder.Logging.ClearProviders();
        _ = builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                _ = listen.UseHttps(certificate);
            });
        });
        var app = builder.Build();
        GitServer? server = null;
        app.Run(context => server!.AnswerAsync(context));
        await app.StartAsync();
        var port = new Uri(app.Urls.First()).Port;
        return server = new GitServer(app, certificate, folder, port);
    }

    /// <summary>A repository with one commit on <c>main</c>. Gives the commit.</summary>
    /// <param name="name"><c>owner/name</c>.</param>
    public async Task<string> CreateAsync(string name, params (string Path, string Text)[] files)
    {
        var bare = Path.Combine(Folder, name);
        _ = Directory.CreateDirectory(bare);
        _ = await GitAsync(Folder, "init", "--quiet", "--bare", "--initial-branch=main", bare);
        return await CommitAsync(name, "first", files);
    }

    /// <summary>One more commit on <c>main</c>. Gives the commit.</summary>
    public Task<string> CommitAsync(string name, string message, params (string Path, string Text)[] files) =>
        CommitAsync(name, message, async work =>
        {
            foreach (var (path, text) in files)
            {
                _ = Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(work, path))!);
                await File.WriteAllTextAsync(Path.Combine(work, path), text);
            }
        });

    public async Task<string> CommitAsync(string name, string message, Func<string, Task> change)
    {
        var work = Path.Combine(Folder, "work", name);
        if (!Directory.Exists(work))
        {
            _ = Directory.CreateDirectory(work);
            _ = await GitAsync(work, "init", "--quiet", "--initial-branch=main");
        }

        await change(work);
        _ = await GitAsync(work, "add", "--all", "--force");
        _ = await GitAsync(work, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--quiet", "--allow-empty", "-m", message);
        _ = await GitAsync(work, "push", "--quiet", Path.Combine(Folder, name), "main");
        return (await GitAsync(work, "rev-parse", "HEAD")).Trim();
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _certificate.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    public static async Task<string> GitAsync(string folder, params string[] arguments)
    {
        using var git = Process.Start(new ProcessStartInfo("git", arguments) { UseShellExecute = false, WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["GIT_CONFIG_GLOBAL"] = "/dev/null" } })!;
        var words = git.StandardError.ReadToEndAsync();
        var output = await git.StandardOutput.ReadToEndAsync();
        await git.WaitForExitAsync();
        return git.ExitCode == 0 ? output : throw new InvalidOperationException($"git {string.Join(' ', arguments)}: {await words}");
    }

    /// <summary>CGI, as RFC 3875 has it and git-http-backend(1) reads it.</summary>
    private async Task AnswerAsync(HttpContext context)
    {
        var request = context.Request;
        var authorization = request.Headers.Authorization.ToString();
        lock (Authorizations)
        {
            Authorizations.Add(authorization.Length == 0 ? null : authorization);
        }

        await Gate.WaitAsync(context.RequestAborted);
        if (request.Path.StartsWithSegments("/private", StringComparison.Ordinal) && authorization != "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}")))
        {
            context.Response.StatusCode = 401;
            context.Response.Headers.WWWAuthenticate = "Basic realm=\"test\"";
            return;
        }

        if (request.Path.StartsWithSegments("/moved", StringComparison.Ordinal))
        {
            context.Response.Redirect($"https://127.0.0.1:{Port}/elsewhere{request.Path}{request.QueryString}");
            return;
        }

        using var program = Process.Start(new ProcessStartInfo("git", ["http-backend"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment =
            {
                ["GIT_PROJECT_ROOT"] = Folder,
                ["GIT_HTTP_EXPORT_ALL"] = "1",
                ["GIT_CONFIG_GLOBAL"] = "/dev/null",
                ["REQUEST_METHOD"] = request.Method,
                ["PATH_INFO"] = request.Path,
                ["QUERY_STRING"] = request.QueryString.Value?.TrimStart('?') ?? "",
                ["CONTENT_TYPE"] = request.ContentType ?? "",
                ["HTTP_CONTENT_ENCODING"] = request.Headers.ContentEncoding.ToString(),
                ["GIT_PROTOCOL"] = request.Headers["Git-Protocol"].ToString(),
            },
        })!;
        try
        {
            await request.Body.CopyToAsync(program.StandardInput.BaseStream, context.RequestAborted);
            program.StandardInput.Close();
            await CopyAnswerAsync(program.StandardOutput.BaseStream, context);
        }
        finally
        {
            program.Kill(entireProcessTree: true);
        }
    }

    private async Task CopyAnswerAsync(Stream output, HttpContext context)
    {
        for (var line = await HeaderAsync(output); line.Length > 0; line = await HeaderAsync(output))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var (name, value) = (line[..colon], line[(colon + 1)..].Trim());
            if (name == "Status")
            {
                context.Response.StatusCode = int.Parse(value.Split(' ')[0], CultureInfo.InvariantCulture);
            }
            else
            {
                context.Response.Headers[name] = value;
            }
        }

        if (WholeAnswers is { } left && (WholeAnswers = left - 1) < 0)
        {
            await context.Response.Body.WriteAsync("00"u8.ToArray(), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            context.Abort();
            return;
        }

        await output.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private static async Task<string> HeaderAsync(Stream output)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await output.ReadAsync(one) == 1 && one[0] != '\n')
        {
            _ = line.Append((char)one[0]);
        }

        return line.ToString().TrimEnd('\r');
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(2));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}
