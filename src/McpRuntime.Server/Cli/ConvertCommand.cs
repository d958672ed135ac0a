using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using McpRuntime.Core.Manifests;
using McpRuntime.Server.Records;
using McpRuntime.Server.Sources.Rest;

namespace McpRuntime.Server.Cli;

/// <summary><c>mcpruntime convert</c>: manifests as the REST API's bodies, one a line.</summary>
internal static class ConvertCommand
{
    private const int Wrong = 1;

    private const string Input = "-";

    private static readonly JsonSerializerOptions ProfileJson = RestJson.Configure(new JsonSerializerOptions(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull });

    public static Command Convert()
    {
        var files = new Option<string[]>("--file", "-f") { Required = true, AllowMultipleArgumentsPerToken = true, Description = "Files of McpRuntime and GuardrailProfile documents, YAML or JSON; - is the standard input." };
        var kind = new Option<string>("--kind") { DefaultValueFactory = _ => ManifestReader.RuntimeKind, Description = "Which documents: McpRuntime gives bodies of POST /runtimes/deploy, GuardrailProfile of POST /runtimes/guardrails." };
        kind.AcceptOnlyFromAmong(ManifestReader.RuntimeKind, ManifestReader.ProfileKind);
        var convert = new Command("convert", "Prints manifests as the REST API's request bodies, one a line. Secrets stay references.") { files, kind };
        convert.SetAction((parsed, ct) => RunAsync(parsed.GetValue(files) ?? [], parsed.GetValue(kind)!, ct));
        return convert;
    }

    private static async Task<int> RunAsync(IReadOnlyList<string> names, string kind, CancellationToken ct)
    {
        List<ManifestFile> files = [];
        foreach (var name in names)
        {
            try
            {
                files.Add(new ManifestFile(name, name == Input ? await Console.In.ReadToEndAsync(ct) : await File.ReadAllTextAsync(name, ct)));
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                await Console.Error.WriteLineAsync($"{name}: {fault.Message}");
                return Wrong;
            }
        }

        var set = ManifestReader.Read(files);
        foreach (var told in set.Errors.Select(error => error.ToString()).Concat(Notes(set, kind)))
        {
            await Console.Error.WriteLineAsync(told);
        }

        // Half of what was asked for looks like all of it.
        if (set.Errors.Count > 0)
        {
            return Wrong;
        }

        foreach (var body in kind == ManifestReader.RuntimeKind ? set.Runtimes.Select(Body) : set.Profiles.Select(Body))
        {
            await Console.Out.WriteLineAsync(body.AsMemory(), ct);
        }

        return 0;
    }

    /// <summary>The request alone: a name in the REST API has no namespace.</summary>
    internal static string Body(RuntimeManifest runtime) => RecordsJson.WriteRevealed(runtime.Request with { Name = runtime.Name });

    internal static string Body(ProfileManifest profile) =>
        JsonSerializer.Serialize(new ProfileRequest(profile.Name, profile.Description, profile.RecommendedBackends, profile.Sent), ProfileJson);

    /// <summary>What a body can't say.</summary>
    private static IEnumerable<string> Notes(ManifestSet set, string kind)
    {
        foreach (var runtime in kind == ManifestReader.RuntimeKind ? set.Runtimes : [])
        {
            var at = $"{runtime.Origin.File}:{runtime.Origin.Line}: note:";
            if (runtime.Namespace is { } space)
            {
                yield return $"{at} the namespace {space} is left out; references to its Secrets stay, and are for custom resources only";
            }

            if (runtime.State == Core.Records.DesiredState.Stopped)
            {
                yield return $"{at} state: Stopped is no part of the body; POST /runtimes/{runtime.Name}/stop after it";
            }

            if (runtime.Suspend)
            {
                yield return $"{at} suspend: true is no part of the body";
            }
        }

        if (set.Ignored > 0)
        {
            yield return $"{set.Ignored} documents of other kinds were ignored";
        }
    }
}
