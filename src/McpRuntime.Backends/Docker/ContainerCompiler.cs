using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>One service as a container's create request, and the shape it must show. Pure.</summary>
internal sealed class ContainerCompiler(DockerOptions options)
{
    private readonly HostConfigCompiler _host = new(options);

    /// <param name="volumes">Those of this service, with where they are mounted.</param>
    /// <param name="port">The endpoint's.</param>
    public ContainerBody Body(CompileInput input, DockerService service, int port, string network, IReadOnlyList<Resource> volumes)
    {
        var image = service.Image!;
        var guardrails = service.Guardrails;
        var replaceUser = guardrails.Process.RunAsNonRoot && ImageUser.IsRoot(image.User);
        var host = _host.Of(guardrails, network, volumes);
        var labels = DockerNames.Labels(input.Identity, "container");
        labels[DockerNames.Restart] = DockerNames.Text(input.RestartToken);
        labels[DockerNames.Port] = DockerNames.Text(port);
        labels[DockerNames.Limits] = LimitsLabel.Of(host);
        var create = new ContainerCreate
        {
            Image = service.Pin,
            User = replaceUser ? DockerCompiler.NobodyElse : null,
            Env = Environment(input, service),
            Cmd = service.Command,
            Labels = labels,
            HostConfig = host,
        };
        var shape = ContainerShape.Asked(create, image, network);
        labels[DockerNames.Shape] = shape.Legend(input.Hash);
        return new ContainerBody(create, network, shape)
        {
            MustNotBeRoot = guardrails.Process.RunAsNonRoot && !replaceUser && !ImageUser.IsNumeric(image.User),
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

        foreach (var (name, value) in WayOut.Of(input.Revision.Guardrails) is null ? [] : WayOut.Variables())
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
}

/// <summary>The USER of an image.</summary>
internal static class ImageUser
{
    public static bool IsRoot(string user) => Name(user) is "" or "root" || (IsNumeric(user) && Name(user).All(c => c == '0'));

    public static bool IsNumeric(string user) => Name(user) is { Length: > 0 } name && name.All(char.IsAsciiDigit);

    public static string Name(string user) => user.Split(':')[0].Trim();
}
