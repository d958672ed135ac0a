using System.Text.Json;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Compose;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>One service as a container's create request, and the shape it must show. Pure.</summary>
internal sealed class ContainerCompiler(DockerOptions options)
{
    private readonly HostConfigCompiler _host = new(options);

    /// <param name="port">The endpoint's; null for a service that is not the endpoint, and for a server that is reached by its stdin and stdout.</param>
    /// <param name="networks">The first is the container's own network mode.</param>
    public ContainerBody Body(CompileInput input, DockerService service, int? port, IReadOnlyList<string> networks, IReadOnlyList<DockerMount> mounts, bool overStdio = false)
    {
        var image = service.Image!;
        var compose = service.Compose;
        var (asked, nonRoot) = (compose?.User ?? image.User, service.Guardrails.Process.RunAsNonRoot);
        var replaceUser = nonRoot && ImageUser.IsRoot(asked);
        var host = _host.Of(input.Identity, service, networks[0], mounts, overStdio);
        var create = new ContainerCreate
        {
            Image = service.Pin,
            User = replaceUser ? DockerCompiler.NobodyElse : compose?.User,
            Hostname = compose?.Hostname,
            WorkingDir = compose?.WorkingDir,
            StopSignal = compose?.StopSignal,
            StopTimeout = compose?.StopGracePeriod is { } grace ? (int)Math.Ceiling(grace.TotalSeconds) : null,
            Healthcheck = compose?.Healthcheck is { } check ? HealthcheckOf(check) : null,
            Env = Environment(input, service),
            Cmd = service.Command ?? (compose?.Entrypoint is null ? null : []),
            Entrypoint = compose?.Entrypoint,
            // Never closed by who lets go of it (StdinOnce): the next one can go on.
            OpenStdin = overStdio,
            HostConfig = host,
            NetworkingConfig = service.Name is { } name
                ? new NetworkingConfig(new SortedDictionary<string, EndpointSettings>(StringComparer.Ordinal) { [networks[0]] = new(null, null, Aliases: [name]) })
                : null,
        };
        var labels = Labels(input, service, overStdio ? DockerNames.NoPort : port, create);
        create = create with { Labels = labels };
        var shape = ContainerShape.Asked(create, image, networks, service.Name);
        labels[DockerNames.Shape] = shape.Legend(input.Hash);
        return new ContainerBody(create, networks, shape)
        {
            Alias = service.Name,
            MustNotBeRoot = nonRoot && !replaceUser && !ImageUser.IsNumeric(asked),
        };
    }

    /// <summary>The proxy's variables over the asked ones: another proxy than the guard can't be reached. What is not to be proxied stays the server's own affair.</summary>
    private static string[] Environment(CompileInput input, DockerService service)
    {
        var environment = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in service.Environment)
        {
            environment[name] = value.Reveal();
        }

        foreach (var (name, value) in WayOut.Of(input.Revision.Guardrails) is null ? [] : WayOut.Variables(Neighbours(input)))
        {
            if (name.StartsWith("HTTP", StringComparison.OrdinalIgnoreCase))
            {
                environment[name] = value;
            }
            else
            {
                _ = environment.TryAdd(name, value);
            }
        }

        return [.. environment.Select(e => $"{e.Key}={e.Value}")];
    }

    private static IEnumerable<string> Neighbours(CompileInput input) => input.Revision.Spec.Source is Source.Compose compose ? compose.Images.Keys : [];

    private static Dictionary<string, string> Labels(CompileInput input, DockerService service, int? port, ContainerCreate create)
    {
        var labels = new Dictionary<string, string>(service.Compose?.Labels ?? new Dictionary<string, string>(StringComparer.Ordinal), StringComparer.Ordinal);
        foreach (var name in DockerNames.OfContainers)
        {
            labels[name] = "";
        }

        foreach (var (name, value) in DockerNames.Labels(input.Identity, "container"))
        {
            labels[name] = value;
        }

        labels[DockerNames.Restart] = DockerNames.Text(input.RestartToken);
        if (port is { } endpoint)
        {
            labels[DockerNames.Port] = DockerNames.Text(endpoint);
        }

        labels[DockerNames.Limits] = LimitsLabel.Of(create.HostConfig);
        if (service.Compose is { } compose)
        {
            labels[DockerNames.Service] = service.Name!;
            labels[DockerNames.Fixed] = input.Hash.Short(FixedOf(create, compose), 12);
            if (service.Ends is { } ends)
            {
                labels[DockerNames.Ends] = ends;
            }
        }

        return labels;
    }

    /// <summary>
    /// What an engine sets once, when it makes a container, and nobody can edit on a live one, and where an image fills in what is
    /// not said: compared by a label, since the live field alone does not tell the image's word from ours.
    /// </summary>
    private static string FixedOf(ContainerCreate create, ComposeService compose) => JsonSerializer.Serialize(
        new
        {
            create.Hostname,
            create.WorkingDir,
            create.StopSignal,
            create.StopTimeout,
            create.Healthcheck,
            compose.Labels,
        });

    private static HealthConfig HealthcheckOf(ComposeHealthcheck check) => new(
        check.Test, Nanoseconds(check.Interval), Nanoseconds(check.Timeout), Nanoseconds(check.StartPeriod), check.Retries);

    private static long? Nanoseconds(TimeSpan? span) => span is { } some ? some.Ticks * 100 : null;
}

/// <summary>The USER of an image.</summary>
internal static class ImageUser
{
    public static bool IsRoot(string user) => Name(user) is "" or "root" || (IsNumeric(user) && Name(user).All(c => c == '0'));

    public static bool IsNumeric(string user) => Name(user) is { Length: > 0 } name && name.All(char.IsAsciiDigit);

    public static string Name(string user) => user.Split(':')[0].Trim();
}
