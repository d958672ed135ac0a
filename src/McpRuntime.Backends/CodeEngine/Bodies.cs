using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>An app to be, with the shape it must show when read back.</summary>
internal sealed record AppBody(AppCreate Create, AppShape Shape, bool IsParked) : ResourceBody;

/// <summary>The environment of one revision, or the arguments of its build. Holds secrets.</summary>
internal sealed record SecretBody(IReadOnlyDictionary<string, string> Data) : ResourceBody
{
    /// <summary>Keyed: a value may be guessable.</summary>
    public static string Fingerprint(IReadOnlyDictionary<string, string> data, KeyedHash hash) =>
        hash.Of("secret\n" + CodeEngineNames.Canonical(data.OrderBy(d => d.Key, StringComparer.Ordinal)))[..32];

    public override string ToString() => nameof(SecretBody);
}

/// <param name="Restart">A restart tries a failed build again: its run has another name.</param>
internal sealed record BuildBody(BuildSettings Build, long Restart) : ResourceBody
{
    public static string Fingerprint(BuildSettings build) => CodeEngineNames.Digest("build\n" + CodeEngineNames.List(
    [
        build.OutputImage ?? "", build.OutputSecret ?? "", build.StrategyType ?? "", build.StrategySpecFile ?? "", build.SourceUrl ?? "", build.SourceRevision ?? "", build.SourceContextDir ?? "",
        CodeEngineNames.List((build.RunBuildParams ?? []).Select(p => $"{p.Name}={p.Value ?? p.Reference}").Order(StringComparer.Ordinal)),
    ]));
}
