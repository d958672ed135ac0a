using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>A repository's commit as the build that makes its image. Pure.</summary>
internal static class BuildCompiler
{
    private const string NoNetwork = "none";

    /// <summary>Null for what is not a repository, or has no commit yet.</summary>
    public static Resource? Of(RuntimeIdentity id, Revision revision, KeyedHash hash)
    {
        if (revision is not { Spec.Source: Source.GitHub source, Facts: { Commit: { } commit } facts })
        {
            return null;
        }

        // A host list is the server's; what a build fetches nobody could foresee in it. Tighter than asked, never looser.
        var network = Egress.Of(revision.Guardrails.Config.Network) is Egress.All ? DockerNames.Network(id, WayOut.Open, name: null) : NoNetwork;
        var fingerprint = BuildBody.Fingerprint(source, commit, network, facts.Bases, hash);
        var pushed = facts.PinIsRegistryDigest ? facts.Pin : null;
        string[] needs = [.. network == NoNetwork ? [] : new[] { network }, .. pushed is null ? [] : new[] { DockerNames.Image(pushed) }];
        return new Resource(BuildNames.Of(fingerprint), ResourceKind.Build, fingerprint, needs, revision.Generation, new BuildBody(source, commit, network, revision.Spec.TeamId, pushed, facts.Bases));
    }

    /// <summary>The build, after what it needs: the network its steps are on and, once pushed, its image.</summary>
    public static IEnumerable<Resource> WithNeeds(CompileInput input, Resource build, Resource image)
    {
        var body = (BuildBody)build.Body;
        return [.. body.Network == NoNetwork ? [] : new[] { RuntimeNetworks.Open(input) }, .. body.Pushed is null ? [] : new[] { image }, build];
    }
}
