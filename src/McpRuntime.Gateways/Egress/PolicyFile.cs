using System.Text.Json;
using McpRuntime.Backends.Docker.Guard;

namespace McpRuntime.Gateways.Egress;

/// <summary>The policies on disk: whole or not at all. Written beside, flushed, and renamed over the old one.</summary>
/// <param name="folder">Null: kept nowhere (tests).</param>
internal sealed class PolicyFile(string? folder)
{
    private readonly string? _path = folder is null ? null : Path.Combine(folder, "policies.json");

    /// <summary>A file that can't be read gives no policies, which closes everything, and says why.</summary>
    public (IReadOnlyList<GuardPolicy> Policies, string? Trouble) Read()
    {
        if (_path is null || !File.Exists(_path))
        {
            return ([], null);
        }

        try
        {
            using var stream = File.OpenRead(_path);
            var saved = JsonSerializer.Deserialize<GuardPolicyList>(stream, GuardJson.Options);
            return (saved?.Policies ?? [], null);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return ([], $"the saved policies could not be read, so nothing passes until they are pushed again: {e.Message}");
        }
    }

    public void Write(IReadOnlyList<GuardPolicy> policies)
    {
        if (_path is null)
        {
            return;
        }

        var beside = _path + ".new";
        using (var stream = new FileStream(beside, FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(stream, new GuardPolicyList(policies), GuardJson.Options);
            stream.Flush(flushToDisk: true);
        }

        File.Move(beside, _path, overwrite: true);
    }
}
