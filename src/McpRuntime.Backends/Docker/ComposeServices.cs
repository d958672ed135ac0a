using McpRuntime.Core.Compose;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// A compose file's services. The file is read again at each compile, with the values that its variables have: what admission
/// accepted with them is what runs. Pure.
/// </summary>
internal static class ComposeServices
{
    public static DockerServiceSet Of(CompileInput input, Source.Compose source)
    {
        if (source.File is not { } text)
        {
            return new DockerServiceSet([], new Fault(
                FaultKind.Refused, "SourceNotSupportedYet", "A compose file from a repository cannot be run yet: send its text as compose_file, with built images."));
        }

        var reading = ComposeParser.Parse(text, input.Environment.ToDictionary(e => e.Key, e => new ComposeVariable(e.Value), StringComparer.Ordinal));
        List<ComposeError> errors = [.. reading.Errors];
        ComposeProject? project = null;
        if (reading.File is { } file)
        {
            var main = ComposeProject.MainOf(file, source.MainService, out var unclear);
            project = main is null ? null : ComposeProject.Under(file, main, input.Revision.Guardrails.Config, ComposeNames.InlineFile, allowedRegistries: null, errors);
            errors.AddRange(unclear is null ? [] : [new ComposeError(1, 0, unclear)]);
        }

        return project is null
            ? new DockerServiceSet([], new Fault(FaultKind.Refused, "ComposeRefused", string.Join(' ', errors.Select(e => e.Message))))
            : Resolved(project, source, input.Revision.Facts);
    }

    private static DockerServiceSet Resolved(ComposeProject project, Source.Compose source, ResolvedFacts? facts)
    {
        if (facts?.Services is not { } known || project.Services.Any(s => !known.ContainsKey(s.Name)))
        {
            return new DockerServiceSet([]) { File = project.File };
        }

        var jobs = project.Services.SelectMany(s => s.DependsOn).Where(d => d.Condition is ComposeCondition.Completed).Select(d => d.Service).ToHashSet(StringComparer.Ordinal);
        var services = project.Services.Select(s => Service(s, project, source, known[s.Name], jobs.Contains(s.Name))).ToList();
        var refused = services.Select(s => Refusal(s, project)).OfType<Fault>().FirstOrDefault();
        return new DockerServiceSet(refused is null ? services : [], refused) { Main = services.Find(s => s.Name == project.Main.Name), File = project.File };
    }

    private static DockerService Service(ComposeService service, ComposeProject project, Source.Compose source, ServiceFacts facts, bool isJob) => new()
    {
        Name = service.Name,
        Reference = source.Images.GetValueOrDefault(service.Name) ?? service.Image?.ToString() ?? service.Name,
        Pin = facts.Pin,
        PinIsRegistryDigest = facts.PinIsRegistryDigest,
        Image = facts.Image,
        Command = service.Command,
        Environment = service.Environment,
        Guardrails = project.Guardrails[service.Name],
        Volumes = [.. service.Mounts.Select(m => new DockerMount(m.Volume, m.Path.Value, m.ReadOnly))],
        Compose = service,
        Ends = (isJob, service.Restart) switch
        {
            (true, _) => DockerNames.EndsMust,
            (false, ComposeRestart.No or ComposeRestart.OnFailure) => DockerNames.EndsMay,
            (false, ComposeRestart.Unsaid or ComposeRestart.Always) => null,
        },
    };

    /// <summary>What only the image tells.</summary>
    private static Fault? Refusal(DockerService service, ComposeProject project)
    {
        if (service.Image is not { } image)
        {
            return null;
        }

        if (service.Compose!.Platform is { } platform && platform.Split('/')[1] != ComposePlatform.Architecture(image.Architecture))
        {
            return Wrong(service, "platform", "PlatformDiffers", $"platform is {platform}, and what the engine has of {service.Reference} is for {image.Architecture}");
        }

        return project.Services.SelectMany(s => s.DependsOn).Any(d => d.Service == service.Name && d.Condition is ComposeCondition.Healthy) && !image.HasHealthcheck && service.Compose.Healthcheck is not { Test: not null }
            ? Wrong(service, "healthcheck", "NoHealthcheck", "others wait for it to be healthy (service_healthy), and neither the file nor its image says how that is told: give it a healthcheck")
            : null;
    }

    private static Fault Wrong(DockerService service, string key, string reason, string message) =>
        new(FaultKind.Refused, reason, ComposePlace.Of(ComposeNames.InlineFile, service.Compose!.LineOf(key), service.Name, message));
}
