using System.Globalization;
using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>What comes before a service, how its health is told, and what follows its end.</summary>
internal static class LifeReader
{
    /// <summary>A stop is one effect, and an effect must end well before another process could take over.</summary>
    public static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(5);

    public static IReadOnlyList<ComposeDependency> DependsOn(ComposeContext context, CatalogNode node)
    {
        if (node is not CatalogNode.Map)
        {
            return [.. context.Items(node, "depends_on").Select(item => context.Literal(item, "depends_on")).OfType<ComposeText>().Select(t => new ComposeDependency(t.Value, ComposeCondition.Started, t.Node.Line)).DistinctBy(d => d.Service, StringComparer.Ordinal)];
        }

        List<ComposeDependency> dependencies = [];
        foreach (var (service, value) in context.Map(node, "depends_on")?.Members ?? [])
        {
            var condition = ComposeCondition.Started;
            foreach (var (key, option) in context.Map(value, $"depends_on.{Quoted.Of(service)}")?.Members ?? [])
            {
                switch (key)
                {
                    case "condition" when Condition(context, option) is { } read:
                        condition = read;
                        break;
                    case "condition":
                    case "required" when context.Flag(option, "depends_on.required") is not false:
                    case "restart" when context.Flag(option, "depends_on.restart") is not true:
                        break;
                    default:
                        context.Wrong(option, $"depends_on: {Quoted.Of(key)} is not supported: condition is");
                        break;
                }
            }

            dependencies.Add(new ComposeDependency(service, condition, value.Line));
        }

        return dependencies;
    }

    public static ComposeHealthcheck? Healthcheck(ComposeContext context, CatalogNode node)
    {
        var check = new ComposeHealthcheck(null, null, null, null, null);
        foreach (var (key, value) in context.Map(node, "healthcheck")?.Members ?? [])
        {
            switch (key)
            {
                case "test":
                    check = check with { Test = check.IsDisabled ? check.Test : Test(context, value) };
                    break;
                case "disable":
                    check = context.Flag(value, "healthcheck.disable") is true ? check with { Test = ["NONE"] } : check;
                    break;
                case "interval":
                    check = check with { Interval = AtLeast(context, value, "healthcheck.interval") };
                    break;
                case "timeout":
                    check = check with { Timeout = AtLeast(context, value, "healthcheck.timeout") };
                    break;
                case "start_period":
                    check = check with { StartPeriod = AtLeast(context, value, "healthcheck.start_period") };
                    break;
                case "retries":
                    check = check with { Retries = context.Whole(value, "healthcheck.retries", 1, 1000) };
                    break;
                default:
                    context.Wrong(value, $"healthcheck.{(ComposeNodes.IsName(key) ? key : Quoted.Of(key))} is not supported: test, interval, timeout, start_period, retries and disable are");
                    break;
            }
        }

        return check;
    }

    public static ComposeRestart Restart(ComposeContext context, CatalogNode node)
    {
        if (context.Text(node, "restart") is not { } text)
        {
            return ComposeRestart.Unsaid;
        }

        switch (text.Value)
        {
            case "no" or "false":
                return ComposeRestart.No;
            case "always" or "unless-stopped":
                return ComposeRestart.Always;
            case "on-failure":
                return ComposeRestart.OnFailure;
            case var counted when counted.StartsWith("on-failure:", StringComparison.Ordinal):
                context.Wrong(node, "restart: on-failure with a count is not supported: restarts go on, with growing pauses; write on-failure");
                return ComposeRestart.OnFailure;
            default:
                context.Wrong(node, $"restart: {text.Shown} is not one of no, always, on-failure and unless-stopped");
                return ComposeRestart.Unsaid;
        }
    }

    public static TimeSpan? StopGrace(ComposeContext context, CatalogNode node)
    {
        if (context.Duration(node, "stop_grace_period") is not { } grace)
        {
            return null;
        }

        if (grace > LongestStop)
        {
            context.Note(node, string.Create(CultureInfo.InvariantCulture, $"stop_grace_period: a stop waits for {LongestStop.TotalSeconds} s at most"));
            return LongestStop;
        }

        return grace;
    }

    private static ComposeCondition? Condition(ComposeContext context, CatalogNode node)
    {
        switch (context.Text(node, "depends_on.condition"))
        {
            case null:
                return null;
            case { Value: "service_started" }:
                return ComposeCondition.Started;
            case { Value: "service_healthy" }:
                return ComposeCondition.Healthy;
            case { Value: "service_completed_successfully" }:
                return ComposeCondition.Completed;
            case var other:
                context.Wrong(node, $"depends_on: {other.Shown} is not one of service_started, service_healthy and service_completed_successfully");
                return null;
        }
    }

    private static string[]? Test(ComposeContext context, CatalogNode node)
    {
        if (node is CatalogNode.Scalar)
        {
            return context.Text(node, "healthcheck.test") is { } line ? ["CMD-SHELL", line.Value] : null;
        }

        string[] test = [.. context.Texts(node, "healthcheck.test").Select(t => t.Value)];
        if (test is ["NONE"] or ["CMD-SHELL", _] or ["CMD", _, ..])
        {
            return test;
        }

        context.Wrong(node, "healthcheck.test must be a text, or a list that begins with CMD, CMD-SHELL or NONE");
        return null;
    }

    private static TimeSpan? AtLeast(ComposeContext context, CatalogNode node, string key)
    {
        // The engine takes 0 for "as the image says" and refuses what is under a millisecond.
        if (context.Duration(node, key) is not { } duration)
        {
            return null;
        }

        if (duration == TimeSpan.Zero || duration >= TimeSpan.FromMilliseconds(1))
        {
            return duration;
        }

        context.Wrong(node, $"{key} must be 0 or at least 1ms");
        return null;
    }
}
