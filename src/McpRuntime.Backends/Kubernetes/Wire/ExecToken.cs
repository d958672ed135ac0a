using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes.Wire;

/// <param name="ApiVersion">Of <c>client.authentication.k8s.io</c>, as the kubeconfig names it.</param>
internal sealed record ExecPlugin(string Command, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment, string ApiVersion, string? Folder);

/// <summary>
/// A credential plugin, as kubectl runs it: a program by argument vector, never through a shell, with nothing on its standard input. Its
/// token is kept until it expires, or the server refuses it.
/// </summary>
internal sealed class ExecToken(ExecPlugin plugin, TimeProvider time) : ITokenSource, IDisposable
{
    private const int LargestAnswer = 1 << 20;

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>A token that expires on its way is refused.</summary>
    private static readonly TimeSpan Early = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _one = new(1);
    private Held? _held;

    public void Dispose() => _one.Dispose();

    public bool Renew()
    {
        var had = _held is not null;
        _held = null;
        return had;
    }

    public async ValueTask<string?> ReadAsync(CancellationToken ct)
    {
        if (_held is { } held && (held.Until is null || held.Until > time.GetUtcNow() + Early))
        {
            return held.Token;
        }

        await _one.WaitAsync(ct);
        try
        {
            if (_held is { } meanwhile && (meanwhile.Until is null || meanwhile.Until > time.GetUtcNow() + Early))
            {
                return meanwhile.Token;
            }

            _held = Parse(await RunAsync(ct));
            return _held.Token;
        }
        finally
        {
            _ = _one.Release();
        }
    }

    private async Task<string> RunAsync(CancellationToken ct)
    {
        using var process = new Process { StartInfo = Start() };
        using var clock = new CancellationTokenSource(Longest, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        try
        {
            _ = process.Start();
            process.StandardInput.Close();
            var output = ReadAsync(process.StandardOutput, limited.Token);
            var errors = ReadAsync(process.StandardError, limited.Token);
            await process.WaitForExitAsync(limited.Token);
            return process.ExitCode == 0 ? await output : throw Failed($"ended with {process.ExitCode.ToString(CultureInfo.InvariantCulture)}: {Short(await errors)}");
        }
        catch (Exception e) when (e is Win32Exception or InvalidOperationException or IOException)
        {
            throw Failed($"can't be run: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            ct.ThrowIfCancellationRequested();
            throw Failed($"did not end within {Longest.TotalSeconds:0} s");
        }
    }

    private ProcessStartInfo Start()
    {
        var start = new ProcessStartInfo(plugin.Command, plugin.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = plugin.Folder ?? "",
        };
        foreach (var (name, value) in plugin.Environment)
        {
            start.Environment[name] = value;
        }

        start.Environment["KUBERNETES_EXEC_INFO"] = $$$"""{"kind":"ExecCredential","apiVersion":"{{{plugin.ApiVersion}}}","spec":{"interactive":false}}""";
        return start;
    }

    private static async Task<string> ReadAsync(StreamReader reader, CancellationToken ct)
    {
        var buffer = new char[LargestAnswer];
        var length = await reader.ReadBlockAsync(buffer, ct);
        return length < LargestAnswer ? new string(buffer, 0, length) : throw new IOException("it wrote more than a credential can be");
    }

    private Held Parse(string output)
    {
        try
        {
            var status = JsonNode.Parse(output)?["status"];
            return status?["token"].AsText() is { } token
                ? new Held(token, status["expirationTimestamp"].AsTime())
                : throw Failed("gave no status.token (client certificates from a plugin are not supported)");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Without its words: they may hold the token.
            throw Failed("did not write an ExecCredential");
        }
    }

    private BackendFault Failed(string what) => new(new Fault(FaultKind.Unauthorized, "CredentialPlugin", $"The kubeconfig's credential plugin {plugin.Command} {what}."));

    private static string Short(string words) => words.Trim() is { Length: > 300 } longer ? longer[..300] + "…" : words.Trim();

    private sealed record Held(string Token, DateTimeOffset? Until);
}
