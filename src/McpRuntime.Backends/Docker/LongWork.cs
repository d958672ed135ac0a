using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>What is under way in this process, as a look sees it beside what the engine has.</summary>
internal sealed class LongWork(PullTracker pulls, BuildTracker builds)
{
    public IReadOnlyList<SeenResource> Of(string recordId) => [.. pulls.Of(recordId), .. builds.Of(recordId)];

    public IReadOnlyList<(string Record, SeenResource Resource)> All() => [.. pulls.All(), .. builds.All()];

    /// <summary>Layers that no build under way needs: one of a process that was killed left them.</summary>
    public IEnumerable<(string Record, SeenResource Image)> Leftovers(IReadOnlyList<ImageSummary> dangling) => dangling
        .Select(image => image.Labels?.GetValueOrDefault(BuildNames.Record))
        .OfType<string>()
        .Distinct(StringComparer.Ordinal)
        .Where(record => !builds.IsBuilding(record))
        .Select(record => (record, new SeenResource { Id = BuildNames.Leftovers, Kind = ResourceKind.Build, Fingerprint = "" }));
}
