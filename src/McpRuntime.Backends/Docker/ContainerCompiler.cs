using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>One service as a container's create request, and the shape it must show. Pure.</summary>
internal sealed class ContainerCompiler(DockerOptions options)
{
    private readonly HostConfigCompiler _host = new(options);

    /// <param name="volumes">Those of this service, with where they are mounted.</param>
    /// <param name="port">The endpoint's; null for a server that is reached by its stdin and stdout.</param>
    public ContainerBody Body(CompileInput input, DockerService service, int? port, string network, IReadOnlyList<Resource> volumes)
    {
        var image = service.Image!;
        var guardrails = service.Guardrails;
        var replaceUser = guardrails.Process.RunAsNonRoot && ImageUser.IsRoot(image.User);
        var host = _host.Of(guardrails, network, volumes, port is null);
        var labels = DockerNames.Labels(input.Identity, "container");
        labels[DockerNames.Restart] = DockerNames.Text(input.RestartToken);
        labels[DockerNames.Port] = DockerNames.Text(port ?? DockerNames.NoPort);
        labels[DockerNames.Limits] = LimitsLabel.Of(host);
        var create = new ContainerCreate
        {
            Image = service.Pin,
            User = replaceUser ? DockerCompiler.NobodyElse : null,
            Env = [.. service.Environment.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => $"{e.Key}={e.Value.Reveal()}")],
            Cmd = service.Command,
            Labels = labels,
            // Never closed by who lets go of it (StdinOnce): the next one can go on.
            OpenStdin = port is null,
            HostConfig = host,
        };
        var shape = ContainerShape.Asked(create, image, network);
        labels[DockerNames.Shape] = shape.Legend(input.Hash);
        return new ContainerBody(create, network, shape)
        {
            MustNotBeRoot = guardrails.Process.RunAsNonRoot && !replaceUser && !ImageUser.IsNumeric(image.User),
        };
    }
}

/// <summary>The USER of an image.</summary>
internal static class ImageUser
{
    public static bool IsRoot(string user) => Name(user) is "" or "root" || (IsNumeric(user) && Name(user).All(c => c == '0'));

    public static bool IsNumeric(string user) => Name(user) is { Length: > 0 } name && name.All(char.IsAsciiDigit);

    public static string Name(string user) => user.Split(':')[0].Trim();
}
