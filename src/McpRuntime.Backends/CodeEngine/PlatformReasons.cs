using System.Globalization;

namespace McpRuntime.Backends.CodeEngine;

/// <param name="Word">One CamelCase word, a condition's reason; no two documented reasons share one.</param>
/// <param name="Meaning">What happened, a sentence.</param>
/// <param name="Remedy">What whoever reads it does about it, or that there is nothing to do; a sentence.</param>
/// <param name="IsFinal">Trying the same again would end the same.</param>
internal sealed record PlatformReason(string Word, string Meaning, string Remedy, bool IsFinal)
{
    public string Message => $"{Meaning} {Remedy}";
}

/// <summary>The platform's documented reasons, each in plain words with its remedy. One that it adds later is shown as it is.</summary>
internal static class PlatformReasons
{
    private const string CheckImage = "Check the image's name, and redeploy.";
    private const string CheckSecret = "Check RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET and that secret in the project, and restart.";
    private const string NothingToDo = "Nothing to do: it goes on by itself.";
    private const string InConsole = "See it in the IBM Cloud console, and restart.";
    private const string MakeRoom = "Stop something in the project, or ask IBM for a larger quota.";
    private const string ByItself = "It is tried again by itself, three times in all; if it goes on, see IBM Cloud's status page, and restart.";
    private const string Ours = "Restart the runtime; if it comes back, report it as a defect of this service, with the message.";
    private const string Smaller = "Make the image or its build context smaller, and restart.";

    private static readonly Dictionary<string, PlatformReason> OfRevision = new(StringComparer.Ordinal)
    {
        ["deploying"] = new("Deploying", "It is being deployed.", NothingToDo, false),
        ["waiting"] = new("WaitingForTurn", "It waits for its turn to be deployed.", NothingToDo, false),
        ["deploying_waiting_for_resources"] = new("DeployingWaitingForResources", "It is being deployed, but waits for room: the project's quota of CPU, memory or instances is used up.", MakeRoom, false),
        ["waiting_for_resources"] = new("WaitingForResources", "It waits for room: the project's quota of CPU, memory or instances is used up.", MakeRoom, false),
        ["no_revision_ready"] = new("NoRevisionReady", "None of its revisions got ready, and the platform does not say why.", "See the app in the IBM Cloud console and its logs, and restart.", false),
        ["ready_but_latest_revision_failed"] = new("LatestRevisionFailed", "Its newest revision did not get ready; the one before it serves.", "See the newest revision in the IBM Cloud console, and restart.", false),
        ["initial_scale_never_achieved"] = new("NeverReady", "It never got ready: its port did not open in time.", "Have the server listen on the endpoint's port (endpoint_port), on all addresses; see its logs, and redeploy.", false),
        ["fetch_image_failed_unknown_manifest"] = new("ImageNotFound", "The registry has the repository, but no such tag or digest.", CheckImage, true),
        ["fetch_image_failed_unknown_repository"] = new("RepositoryNotFound", "The registry has no such repository, or hides it.", CheckImage, true),
        ["fetch_image_failed_registry_not_found"] = new("RegistryNotFound", "The image's registry does not exist or can't be reached from Code Engine.", CheckImage, true),
        ["fetch_image_failed_missing_pull_secret"] = new("PullSecretMissing", "The registry secret named in the settings is not in the project.", CheckSecret, true),
        ["fetch_image_failed_missing_pull_credentials"] = new("PullCredentialsMissing", "The registry wants credentials for this image, and none were given.", CheckSecret, true),
        ["fetch_image_failed_wrong_pull_credentials"] = new("PullCredentialsWrong", "The registry turned the credentials away.", CheckSecret, true),
        ["image_pull_back_off"] = new("ImagePullBackOff", "The image could not be pulled several times; the platform tries ever more slowly.", "Check that the registry is up and lets the project pull this image (RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET), and restart.", false),
        ["invalid_tar_header_image_pull_err"] = new("ImageBroken", "One of the image's layers is broken (invalid tar header).", "Build and push the image again, and redeploy.", true),
        ["container_failed_exit_code_0"] = new("ServerEnded", "The server ended by itself with exit code 0, as if its work were done.", "A server must go on running: check its command, and that it speaks HTTP rather than stdio.", false),
        ["container_failed_exit_code_1"] = new("ServerFailed", "The server ended with exit code 1, an error of its own.", "See its logs; mostly an environment variable is missing or wrong.", false),
        ["container_failed_exit_code_24"] = new("ServerOutOfFiles", "The server ended with exit code 24, too many open files.", "See its logs; have the server close what it opens, or serve fewer calls at a time.", false),
        ["container_failed_exit_code_139"] = new("ServerCrashed", "The server crashed (exit code 139, a memory access error).", "Check that the image is built for x86-64; see its logs.", false),
    };

    private static readonly Dictionary<string, PlatformReason> OfBuildReason = new(StringComparer.Ordinal)
    {
        ["registered"] = new("BuildReady", "The build is registered.", NothingToDo, false),
        ["running"] = new("Building", "It is being built.", NothingToDo, false),
        ["pending"] = new("BuildPending", "The build waits for its turn.", NothingToDo, false),
        ["succeeded"] = new("Built", "It is built.", NothingToDo, false),
        ["failed"] = new("BuildFailed", "The build failed, mostly in a step of the Dockerfile.", "See the build run's log in the IBM Cloud console, mend the Dockerfile, and deploy the new commit.", true),
        ["failed_to_execute_build_run"] = new("BuildNotExecuted", "The platform could not execute the build.", ByItself, false),
        ["exceeded_ephemeral_storage"] = new("BuildDiskFull", "The build needs more disk than its size has.", Smaller, true),
        ["missing_registry_access"] = new("RegistryAccessMissing", "The built image could not be pushed.", CheckSecret, true),
        ["missing_code_repo_access"] = new("RepositoryAccessMissing", "The repository could not be read.", "Check that it is public and that the commit exists, and restart.", true),
        ["missing_secrets"] = new("BuildSecretMissing", "A secret that the build needs is not in the project.", CheckSecret, true),
        ["missing_task_run"] = new("BuildLost", "The platform lost the build's task.", ByItself, false),
        ["task_run_generation_failed"] = new("BuildNotGenerated", "The platform could not make a task of the build.", ByItself, false),
        ["build_not_found"] = new("BuildNotFound", "The build's configuration was gone when its run began.", ByItself, false),
        ["unknown_strategy"] = new("BuildStrategyUnknown", "The platform does not know the build's strategy (dockerfile).", Ours, true),
        ["invalid_build_configuration"] = new("BuildInvalid", "The build's configuration is not valid.", "Check the repository, the Dockerfile's path and the context, and deploy again.", true),
        ["timeout"] = new("BuildTimeout", "The build took longer than it may.", "Make it faster, or raise RUNTIME_BUILD_TIMEOUT_SECONDS (at most 3600 on Code Engine), and restart.", true),
        ["pod_evicted"] = new("BuildEvicted", "The build was moved off its machine.", ByItself, false),
        ["pod_evicted_because_of_storage_quota_exceeds"] = new("BuildEvictedDiskFull", "The build filled its disk and was ended.", Smaller, true),
        ["strategy_not_found"] = new("BuildStrategyNotFound", "The project does not have the build's strategy (dockerfile).", Ours, true),
        ["cluster_build_strategy_not_found"] = new("BuildClusterStrategyNotFound", "The platform does not have the build's strategy (dockerfile) in this region.", "See IBM Cloud's status page, or use another region; then restart.", true),
        ["set_owner_reference_failed"] = new("BuildNotOwned", "The platform could not register the build.", "It is made again by itself; if it goes on, see IBM Cloud's status page.", false),
        ["spec_source_secret_not_found"] = new("SourceSecretNotFound", "The secret for the repository is not in the project.", "This service sets none, so somebody changed the build by hand: restart the runtime, and it is made again.", true),
        ["spec_output_secret_ref_not_found"] = new("OutputSecretNotFound", "The registry secret for the push is not in the project.", CheckSecret, true),
        ["spec_runtime_secret_ref_not_found"] = new("RuntimeSecretNotFound", "A secret that the build refers to was not in the project.", "Restart the runtime: the secret of its build arguments is made again.", true),
        ["multiple_secret_ref_not_found"] = new("BuildSecretsNotFound", "Several secrets that the build refers to are not in the project.", CheckSecret, true),
        ["runtime_paths_can_not_be_empty"] = new("BuildPathsEmpty", "The build's runtime paths are empty.", Ours, true),
        ["remote_repository_unreachable"] = new("RepositoryUnreachable", "The repository can't be reached from Code Engine.", "Check its address, and that it is public, and restart.", true),
    };

    public static PlatformReason OfApp(string? reason) =>
        reason is null ? new PlatformReason("NotReady", "The platform gives no reason.", InConsole, false)
        : OfRevision.TryGetValue(reason, out var known) ? known
        : ExitCode(reason) is { } code ? new PlatformReason("ServerFailed", string.Create(CultureInfo.InvariantCulture, $"The server ended with exit code {code}."), "See its logs.", false)
        : Unknown(reason);

    public static PlatformReason OfBuild(string? reason) =>
        reason is null ? new PlatformReason("BuildFailed", "The build failed, and the platform gives no reason.", InConsole, false)
        : OfBuildReason.TryGetValue(reason, out var known) ? known
        : Unknown(reason);

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

    private static PlatformReason Unknown(string reason) => new(Camel(reason), $"The platform's reason is {reason}, which was not documented when this was written.", InConsole, false);

    private static string Camel(string snake) => string.Concat(snake.Split('_', StringSplitOptions.RemoveEmptyEntries).Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
}
