namespace McpRuntime.Core.Specs;

/// <summary>What is to run: an image, a repository to build, or a compose file. Exactly one; a closed set.</summary>
public abstract record Source
{
    private Source()
    {
    }

    /// <summary>The documented <c>source_type</c> word: <c>docker</c>, <c>github</c> or <c>compose</c>.</summary>
    public string Type => Match(_ => "docker", _ => "github", _ => "compose");

    public abstract T Match<T>(Func<Docker, T> docker, Func<GitHub, T> gitHub, Func<Compose, T> compose);

    /// <param name="Image">A normalised reference, <c>docker.io/library/nginx:1.25</c> or <c>…@sha256:…</c>.</param>
    /// <param name="Command">Arguments that replace the image's CMD; never a shell line. Null keeps the image's own.</param>
    public sealed record Docker(string Image, IReadOnlyList<string>? Command) : Source
    {
        public override T Match<T>(Func<Docker, T> docker, Func<GitHub, T> gitHub, Func<Compose, T> compose) => docker(this);
    }

    /// <param name="Repo">An https URL without credentials.</param>
    /// <param name="Ref">Branch, tag or commit; resolved to a commit before anything is built.</param>
    /// <param name="Registry">Where the built image is pushed to; null keeps it on the engine.</param>
    public sealed record GitHub(
        string Repo,
        string Ref,
        string Dockerfile,
        string Context,
        IReadOnlyDictionary<string, string> BuildArgs,
        bool PushToRegistry,
        string? Registry) : Source
    {
        public override T Match<T>(Func<Docker, T> docker, Func<GitHub, T> gitHub, Func<Compose, T> compose) => gitHub(this);
    }

    /// <param name="File">The compose file's text when given inline, else null.</param>
    /// <param name="Repo">The repository that holds the file at <paramref name="Path"/>, else null.</param>
    /// <param name="MainService">The service that speaks MCP; empty until the file is known, where it was not named.</param>
    public sealed record Compose(string? File, string? Repo, string? Ref, string? Path, string MainService) : Source
    {
        /// <summary>The image of each service, normalised, where the file is known; variables may have named it.</summary>
        public IReadOnlyDictionary<string, string> Images { get; init; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

        public override T Match<T>(Func<Docker, T> docker, Func<GitHub, T> gitHub, Func<Compose, T> compose) => compose(this);
    }
}
