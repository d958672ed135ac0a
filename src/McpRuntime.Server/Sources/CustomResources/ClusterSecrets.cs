using System.Collections.Concurrent;
using System.Text;
using McpRuntime.Backends;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Sources.CustomResources;

/// <summary>
/// Secrets that custom resources name, read one by one and never listed: the right to get them is all that is needed. Held in memory only;
/// while the cluster is away the last known value serves, so that what runs elsewhere goes on.
/// </summary>
internal sealed class ClusterSecrets(KubernetesWire wire, TimeProvider time) : IClusterSecrets
{
    /// <summary>How long a changed Secret may stay unnoticed.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(10);

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ConcurrentDictionary<(string Namespace, string Name), Held> _held = new();

    public async Task<SecretText> ReadAsync(SecretReference.Kubernetes secret, CancellationToken ct)
    {
        var where = $"Secret {secret.Name} in the namespace {secret.Namespace}";
        Held held;
        try
        {
            held = await HeldAsync(secret.Namespace, secret.Name, ct);
        }
        catch (BackendFault fault)
        {
            throw new SecretUnreadableException($"{where} can't be read: {fault.Fault.Message}", fault);
        }

        if (held.Secret is not { } found)
        {
            throw new SecretUnreadableException($"There is no {where}.");
        }

        if (found.Text("data", secret.Key) is not { } encoded)
        {
            throw new SecretUnreadableException($"{where} has no key {secret.Key}.");
        }

        try
        {
            return new SecretText(Strict.GetString(Convert.FromBase64String(encoded)));
        }
        catch (Exception fault) when (fault is FormatException or DecoderFallbackException)
        {
            throw new SecretUnreadableException($"{where}: the value of {secret.Key} is not UTF-8 text.");
        }
    }

    /// <summary>Changes when one of these was changed, made or deleted.</summary>
    public async Task<string> VersionAsync(IEnumerable<SecretReference.Kubernetes> secrets, CancellationToken ct)
    {
        var version = new StringBuilder();
        foreach (var (space, name) in secrets.Select(secret => (secret.Namespace, secret.Name)).Distinct())
        {
            version.Append(await VersionAsync(space, name, ct)).Append(';');
        }

        return version.ToString();
    }

    private async Task<string> VersionAsync(string space, string name, CancellationToken ct)
    {
        try
        {
            return (await HeldAsync(space, name, ct)).Secret is { } found ? $"{found.Uid}/{found.ResourceVersion}" : "absent";
        }
        catch (BackendFault fault) when (fault.Fault.Kind is FaultKind.Unauthorized or FaultKind.Refused)
        {
            // Told where its value is asked for, in the object's own status.
            return "refused";
        }
    }

    private async Task<Held> HeldAsync(string space, string name, CancellationToken ct)
    {
        var known = _held.GetValueOrDefault((space, name));
        if (known is not null && time.GetElapsedTime(known.At) < Fresh)
        {
            return known;
        }

        try
        {
            return _held[(space, name)] = new Held(await wire.GetAsync(KubeKind.Secret, space, name, ct), time.GetTimestamp());
        }
        catch (BackendFault fault) when (known is not null && fault.Fault.Kind is FaultKind.Transient or FaultKind.Throttled)
        {
            return known!;
        }
    }

    private sealed record Held(KubeObject? Secret, long At);
}
