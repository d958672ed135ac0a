using System.Globalization;

namespace McpRuntime.Backends.CodeEngine;

/// <param name="Word">One CamelCase word, a condition's reason.</param>
/// <param name="Message">What it means and what to do.</param>
/// <param name="IsFinal">Trying the same again would end the same.</param>
internal sealed record PlatformReason(string Word, string Message, bool IsFinal);

/// <summary>The platform's documented reasons, each in plain words. One that it adds later is shown as it is.</summary>
internal static class PlatformReasons
{
    private const string CheckImage = "Check the image's name, and redeploy.";
    private const string CheckSecret = "Check RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET and that secret in the project, and restart.";

    private static readonly Dictionary<string, PlatformReason> OfRevision = new(StringComparer.Ordinal)
    {
        ["deploying"] = new("Deploying", "It is being deployed.", false),
        ["waiting"] = new("Waiting", "It waits for its turn to be deployed.", false),
        ["deploying_waiting_for_resources"] = new("WaitingForResources", "It is deployed, but waits for room: the project's quota of CPU, memory or instances is used up. Stop something, or ask IBM for more.", false),
        ["waiting_for_resources"] = new("WaitingForResources", "It waits for room: the project's quota of CPU, memory or instances is used up. Stop something, or ask IBM for more.", false),
        ["initial_scale_never_achieved"] = new("NeverReady", "It never got ready: does it listen on the endpoint's port (endpoint_port), and on all addresses?", false),
        ["fetch_image_failed_unknown_manifest"] = new("ImageNotFound", "The registry has the repository, but no such tag or digest. " + CheckImage, true),
        ["fetch_image_failed_unknown_repository"] = new("RepositoryNotFound", "The registry has no such repository, or hides it. " + CheckImage, true),
        ["fetch_image_failed_registry_not_found"] = new("RegistryNotFound", "The image's registry does not exist or can't be reached from Code Engine. " + CheckImage, true),
        ["fetch_image_failed_missing_pull_secret"] = new("PullSecretMissing", "The registry secret named in the settings is not in the project. " + CheckSecret, true),
        ["fetch_image_failed_missing_pull_credentials"] = new("PullCredentialsMissing", "The registry wants credentials for this image, and none were given. " + CheckSecret, true),
        ["fetch_image_failed_wrong_pull_credentials"] = new("PullCredentialsWrong", "The registry turned the credentials away. " + CheckSecret, true),
        ["image_pull_back_off"] = new("ImagePullBackOff", "The image could not be pulled several times; the platform tries ever more slowly.", false),
        ["invalid_tar_header_image_pull_err"] = new("ImageBroken", "One of the image's layers is broken (invalid tar header): build and push it again.", true),
        ["container_failed_exit_code_0"] = new("ServerEnded", "The server ended by itself with exit code 0, as if its work were done: it must go on running.", false),
        ["container_failed_exit_code_1"] = new("ServerFailed", "The server ended with exit code 1, an error of its own: see its logs.", false),
        ["container_failed_exit_code_24"] = new("ServerFailed24", "The server ended with exit code 24, too many open files: see its logs.", false),
        ["container_failed_exit_code_139"] = new("ServerCrashed", "The server crashed (exit code 139, a memory access error): is the image built for x86-64?", false),
    };

    private static readonly Dictionary<string, PlatformReason> OfBuildReason = new(StringComparer.Ordinal)
    {
        ["registered"] = new("BuildReady", "The build is registered.", false),
        ["running"] = new("Building", "It is being built.", false),
        ["pending"] = new("BuildPending", "The build waits for its turn.", false),
        ["succeeded"] = new("Built", "It is built.", false),
        ["failed"] = new("BuildFailed", "The build failed: see its log in the console; mostly a step of the Dockerfile.", true),
        ["failed_to_execute_build_run"] = new("BuildNotExecuted", "The platform could not execute the build.", false),
        ["exceeded_ephemeral_storage"] = new("BuildDiskFull", "The build needs more disk than its size has. Make the image or its context smaller.", true),
        ["missing_registry_access"] = new("RegistryAccessMissing", "The built image could not be pushed. " + CheckSecret, true),
        ["missing_code_repo_access"] = new("RepositoryAccessMissing", "The repository could not be read: is it public, and does the commit exist?", true),
        ["missing_secrets"] = new("BuildSecretMissing", "A secret that the build needs is not in the project. " + CheckSecret, true),
        ["missing_task_run"] = new("BuildLost", "The platform lost the build's task.", false),
        ["task_run_generation_failed"] = new("BuildNotGenerated", "The platform could not make a task of the build.", false),
        ["build_not_found"] = new("BuildNotFound", "The build's configuration is gone.", false),
        ["unknown_strategy"] = new("BuildStrategyUnknown", "The platform does not know the build's strategy.", true),
        ["invalid_build_configuration"] = new("BuildInvalid", "The build's configuration is not valid: check repository, Dockerfile and context.", true),
        ["timeout"] = new("BuildTimeout", "The build took longer than it may.", true),
        ["pod_evicted"] = new("BuildEvicted", "The build was moved off its machine.", false),
        ["pod_evicted_because_of_storage_quota_exceeds"] = new("BuildEvictedDiskFull", "The build filled its disk and was ended. Make the image or its context smaller.", true),
        ["strategy_not_found"] = new("BuildStrategyNotFound", "The project does not have the build's strategy.", true),
        ["cluster_build_strategy_not_found"] = new("BuildClusterStrategyNotFound", "The platform does not have the build's strategy.", true),
        ["set_owner_reference_failed"] = new("BuildNotOwned", "The platform could not register the build.", false),
        ["spec_source_secret_not_found"] = new("SourceSecretNotFound", "The secret for the repository is not in the project.", true),
        ["spec_output_secret_ref_not_found"] = new("OutputSecretNotFound", "The registry secret for the push is not in the project. " + CheckSecret, true),
        ["spec_runtime_secret_ref_not_found"] = new("RuntimeSecretNotFound", "A secret that the build refers to is not in the project.", true),
        ["multiple_secret_ref_not_found"] = new("BuildSecretsNotFound", "Several secrets that the build refers to are not in the project. " + CheckSecret, true),
        ["runtime_paths_can_not_be_empty"] = new("BuildPathsEmpty", "The build's runtime paths are empty.", true),
        ["remote_repository_unreachable"] = new("RepositoryUnreachable", "The repository can't be reached from Code Engine: is it public, and its name right?", true),
    };

    public static PlatformReason OfApp(string? reason) =>
        reason is null ? new PlatformReason("NotReady", "The platform gives no reason.", false)
        : OfRevision.TryGetValue(reason, out var known) ? known
        : ExitCode(reason) is { } code ? new PlatformReason("ServerFailed", string.Create(CultureInfo.InvariantCulture, $"The server ended with exit code {code}: see its logs."), false)
        : new PlatformReason(Camel(reason), $"The platform's reason is {reason}.", false);

    public static PlatformReason OfBuild(string? reason) =>
        reason is null ? new PlatformReason("BuildFailed", "The platform gives no reason.", false)
        : OfBuildReason.TryGetValue(reason, out var known) ? known
        : new PlatformReason(Camel(reason), $"The platform's reason is {reason}.", false);

    public static IEnumerable<string> DocumentedOfApps => OfRevision.Keys;

    public static IEnumerable<string> DocumentedOfBuilds => OfBuildReason.Keys;

    public static int? ExitCode(string? reason)
    {
        const string Prefix = "container_failed_exit_code_";
        return reason?.StartsWith(Prefix, StringComparison.Ordinal) == true
            && int.TryParse(reason.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var code)
                ? code
                : null;
    }

    private static string Camel(string snake) => string.Concat(snake.Split('_', StringSplitOptions.RemoveEmptyEntries).Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
}
