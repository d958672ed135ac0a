using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>What depends on what: only on services that there are, in no circle, and on an end only of what ends.</summary>
internal static class DependencyCheck
{
    public static void Of(IReadOnlyList<ComposeService> services, ComposeContext context)
    {
        var byName = services.ToDictionary(s => s.Name, StringComparer.Ordinal);
        foreach (var service in services)
        {
            context.Service = service.Name;
            foreach (var dependency in service.DependsOn)
            {
                if (!byName.TryGetValue(dependency.Service, out var other))
                {
                    context.Wrong(dependency.Line, 0, $"depends_on: there is no service {Quoted.Of(dependency.Service)}");
                }
                else if (dependency.Condition is ComposeCondition.Completed && other.Restart is ComposeRestart.Always)
                {
                    context.Wrong(dependency.Line, 0, $"depends_on: {Quoted.Of(other.Name)} is to end (service_completed_successfully) and restarts always: one of the two");
                }
                else if (dependency.Condition is ComposeCondition.Healthy && other.Healthcheck is { IsDisabled: true })
                {
                    context.Wrong(dependency.Line, 0, $"depends_on: {Quoted.Of(other.Name)} is to be healthy and its healthcheck is disabled");
                }
            }

            if (context.Errors.Count == 0 && Circle(service, byName) is { } circle)
            {
                context.Wrong(service.LineOf("depends_on"), 0, $"depends_on goes in a circle: {string.Join(" → ", circle)}");
                return;
            }
        }

        context.Service = null;
    }

    private static List<string>? Circle(ComposeService start, Dictionary<string, ComposeService> byName)
    {
        var visited = new HashSet<string>(StringComparer.Ordinal);
        List<string>? Walk(ComposeService at, List<string> path)
        {
            foreach (var next in at.DependsOn.Select(d => d.Service))
            {
                if (next == start.Name)
                {
                    return [.. path, next];
                }

                if (visited.Add(next) && byName.TryGetValue(next, out var service) && Walk(service, [.. path, next]) is { } found)
                {
                    return found;
                }
            }

            return null;
        }

        return Walk(start, [start.Name]);
    }
}
