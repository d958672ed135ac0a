using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>
/// A double of an image registry on loopback (the distribution API's reading half), because a pull must be slow enough to be interrupted.
/// It holds one image of one incompressible layer, under any name but those that begin with <c>absent</c>.
/// </summary>
internal sealed class SlowRegistry : IAsyncDisposable
{
    private const string ManifestType = "application/vnd.docker.distribution.manifest.v2+json";
    private const int ChunkBytes = 64 * 1024;

    private readonly WebApplication _app;
    private readonly Dictionary<string, byte[]> _blobs = new(StringComparer.Ordinal);
    private readonly byte[] _manifest;
    private readonly TimeSpan _perChunk;
    private int _started;
    private int _aborted;

    private SlowRegistry(int layerBytes, TimeSpan perChunk)
    {
        _perChunk = perChunk;
        _manifest = BuildImage(layerBytes);
        Port = Places.FreePort();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{Port}");
        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    public int Port { get; }

    public string Host => $"127.0.0.1:{Port}";

    public int LayersStarted => _started;

    /// <summary>Layers whose reader went away before the end: a pull that was really given up.</summary>
    public int LayersAborted => _aborted;

    public static async Task<SlowRegistry> StartAsync(int layerBytes, TimeSpan perChunk)
    {
        var registry = new SlowRegistry(layerBytes, perChunk);
        await registry._app.StartAsync();
        return registry;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        if (path is "/v2/" or "/v2")
        {
            return;
        }

        var parts = path.Split('/');
        var (kind, reference) = (parts[^2], parts[^1]);
        if (kind == "manifests" && !parts[2].StartsWith("absent", StringComparison.Ordinal))
        {
            context.Response.Headers.ContentType = ManifestType;
            context.Response.Headers["Docker-Content-Digest"] = Digest(_manifest);
            context.Response.ContentLength = _manifest.Length;
            if (context.Request.Method != "HEAD")
            {
                await context.Response.Body.WriteAsync(_manifest);
            }
        }
        else if (kind == "blobs" && _blobs.TryGetValue(reference, out var blob))
        {
            await SendSlowlyAsync(context, blob);
        }
        else
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            context.Response.Headers.ContentType = "application/json";
            await context.Response.WriteAsync("""{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}""");
        }
    }

    private async Task SendSlowlyAsync(HttpContext context, byte[] blob)
    {
        context.Response.ContentLength = blob.Length;
        if (blob.Length <= ChunkBytes)
        {
            await context.Response.Body.WriteAsync(blob);
            return;
        }

        Interlocked.Increment(ref _started);
        try
        {
            for (var offset = 0; offset < blob.Length; offset += ChunkBytes)
            {
                await context.Response.Body.WriteAsync(blob.AsMemory(offset, Math.Min(ChunkBytes, blob.Length - offset)), context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
                await Task.Delay(_perChunk, TimeProvider.System, context.RequestAborted);
            }
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _aborted);
        }
    }

    private byte[] BuildImage(int layerBytes)
    {
        using var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "ballast") { DataStream = new MemoryStream(RandomNumberGenerator.GetBytes(layerBytes)) });
        }

        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.NoCompression, leaveOpen: true))
        {
            gzip.Write(tar.GetBuffer(), 0, (int)tar.Length);
        }

        var layer = packed.ToArray();
        var config = Json(new
        {
            architecture = "amd64",
            os = "linux",
            config = new { ExposedPorts = new Dictionary<string, object>(StringComparer.Ordinal) { ["8080/tcp"] = new() } },
            rootfs = new { type = "layers", diff_ids = new[] { Digest(tar.ToArray()) } },
        });
        _blobs[Digest(layer)] = layer;
        _blobs[Digest(config)] = config;
        return Json(new
        {
            schemaVersion = 2,
            mediaType = ManifestType,
            config = new { mediaType = "application/vnd.docker.container.image.v1+json", size = config.Length, digest = Digest(config) },
            layers = new[] { new { mediaType = "application/vnd.docker.image.rootfs.diff.tar.gzip", size = layer.Length, digest = Digest(layer) } },
        });
    }

    private static byte[] Json(object value) => Encoding.UTF8.GetBytes(JsonSerializer.Serialize(value));

    private static string Digest(byte[] content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));
}
