using System.Diagnostics;
using System.Formats.Tar;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

namespace McpRuntime.Backends.Tests.Docker;

/// <summary>The engine on this machine, by a client of the tests' own: what they claim must not rest on the code under test.</summary>
internal sealed class RealEngine : IDisposable
{
    public static readonly string Socket = Environment.GetEnvironmentVariable("RUNTIME_DOCKER_SOCKET") ?? "/var/run/docker.sock";

    private static readonly Lazy<byte[]> Probe = new(Compile);

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, ct) =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(Socket), ct);
            return new NetworkStream(socket, ownsSocket: true);
        },
    })
    {
        BaseAddress = new Uri("http://engine/v1.41/"),
    };

    public void Dispose() => _http.Dispose();

    /// <summary>Null: 404.</summary>
    public async Task<JsonElement?> GetAsync(string path)
    {
        using var reply = await _http.GetAsync(new Uri(path, UriKind.Relative));
        return reply.IsSuccessStatusCode ? await reply.Content.ReadFromJsonAsync<JsonElement>() : null;
    }

    public async Task<JsonElement> PostAsync(string path, object? body = null)
    {
        using var reply = await _http.PostAsync(new Uri(path, UriKind.Relative), body is null ? null : JsonContent.Create(body));
        var text = await reply.Content.ReadAsStringAsync();
        ((int)reply.StatusCode).Should().BeLessThan(400, because: $"{path}: {text}");
        return text.StartsWith('{') ? JsonSerializer.Deserialize<JsonElement>(text.Split('\n')[0]) : default;
    }

    /// <summary>What a container has written to stdout, its frames' headers taken off.</summary>
    public async Task<string> LogAsync(string container)
    {
        var bytes = await _http.GetByteArrayAsync(new Uri($"containers/{container}/logs?stdout=1", UriKind.Relative));
        return bytes.Length > 8 ? System.Text.Encoding.UTF8.GetString(bytes, 8, bytes.Length - 8) : "";
    }

    /// <summary>Names in a folder of a container, folders with a slash.</summary>
    public async Task<IReadOnlyList<string>> ArchiveAsync(string container, string folder)
    {
        using var tar = new MemoryStream(await _http.GetByteArrayAsync(new Uri($"containers/{container}/archive?path={Uri.EscapeDataString(folder)}", UriKind.Relative)));
        await using var reader = new TarReader(tar);
        List<string> names = [];
        while (await reader.GetNextEntryAsync() is { } entry)
        {
            names.Add(entry.Name);
        }

        return names;
    }

    public async Task DeleteAsync(string path)
    {
        using var _ = await _http.DeleteAsync(new Uri(path, UriKind.Relative));
    }

    /// <summary>An image of the probe alone (and a passwd, if given), with Dockerfile instructions as its settings.</summary>
    public async Task<string> ImportAsync(string name, string? passwd = null, params string[] instructions)
    {
        using var tar = new MemoryStream();
        await using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            await AddAsync(writer, "probe", Probe.Value, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            if (passwd is not null)
            {
                await AddAsync(writer, "etc/passwd", System.Text.Encoding.UTF8.GetBytes(passwd), UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            }
        }

        var colon = name.LastIndexOf(':');
        var changes = string.Concat(instructions.Prepend("ENTRYPOINT [\"/probe\"]").Select(i => "&changes=" + Uri.EscapeDataString(i)));
        using var content = new ByteArrayContent(tar.ToArray());
        using var reply = await _http.PostAsync(new Uri($"images/create?fromSrc=-&repo={Uri.EscapeDataString(name[..colon])}&tag={name[(colon + 1)..]}{changes}", UriKind.Relative), content);
        reply.EnsureSuccessStatusCode();
        (await reply.Content.ReadAsStringAsync()).Should().NotContain("\"error\"");
        return name;
    }

    public async Task PushAsync(string image, string login)
    {
        var colon = image.LastIndexOf(':');
        using var request = new HttpRequestMessage(HttpMethod.Post, $"images/{image[..colon]}/push?tag={image[(colon + 1)..]}");
        request.Headers.Add("X-Registry-Auth", login);
        using var reply = await _http.SendAsync(request);
        (await reply.Content.ReadAsStringAsync()).Should().NotContain("\"error\"");
    }

    private static async Task AddAsync(TarWriter writer, string name, byte[] content, UnixFileMode mode)
    {
        using var stream = new MemoryStream(content);
        await writer.WriteEntryAsync(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = stream, Mode = mode });
    }

    private static byte[] Compile()
    {
        var binary = Path.Combine(Path.GetTempPath(), $"probe-{Environment.ProcessId}");
        using var compiler = Process.Start(new ProcessStartInfo("gcc", ["-static", "-O1", "-w", "-s", "-o", binary, Path.Combine(AppContext.BaseDirectory, "Docker", "probe.c")]))!;
        compiler.WaitForExit();
        compiler.ExitCode.Should().Be(0);
        var bytes = File.ReadAllBytes(binary);
        File.Delete(binary);
        return bytes;
    }
}
