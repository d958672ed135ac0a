using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Records;

/// <summary>What makes two generations the same: the spec's hash, and with it the versions of the secrets it refers to (a rotated secret is another content).</summary>
internal sealed class ContentHash(RevisionVaults vaults, MasterKey masterKey)
{
    private readonly KeyedHash _hash = masterKey.Hash("content");

    public string Of(RuntimeSpec spec, EffectiveGuardrails guardrails, string backend, SortedDictionary<string, KeptValue> kept)
    {
        var hash = SpecHash.Of(spec, guardrails, backend, _hash);
        var versions = kept.Where(value => value.Value.Version is not null).Select(value => $"{value.Key}={value.Value.Version}").ToList();
        return versions.Count == 0 ? hash : _hash.Of($"{hash}\n{string.Join('\n', versions)}");
    }

    /// <summary>Of what is in the row now, whatever hash stands beside it.</summary>
    public string Of(RevisionRow row, string backend)
    {
        var kept = row.Environment is null ? [] : RecordsJson.Read<SortedDictionary<string, KeptValue>>(row.Environment);
        var spec = vaults.Spec.Open(row.RuntimeId, row.Spec) with { Environment = vaults.Environment.Stored(row.RuntimeId, kept) };
        return Of(spec, RecordsJson.Read<EffectiveGuardrails>(row.Guardrails), backend, kept);
    }
}
