using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>A service's limits, from the old keys and from <c>deploy.resources.limits</c>; both may say it, if they say the same.</summary>
internal sealed class ServiceLimits(ComposeContext context)
{
    private CpuQuantity? _cpus;

    private MemoryQuantity? _memory;

    private int? _pids;

    public bool Read(string key, CatalogNode node)
    {
        switch (key)
        {
            case "cpus":
                Cpus(node, key);
                return true;
            case "mem_limit":
                Memory(node, key);
                return true;
            case "pids_limit":
                Pids(node, key);
                return true;
            case "scale":
                _ = context.Whole(node, key, 1, 1);
                return true;
            case "deploy":
                Deploy(node);
                return true;
            default:
                return false;
        }
    }

    public ComposeService On(ComposeService service) => service with { Cpus = _cpus, Memory = _memory, Pids = _pids };

    private void Deploy(CatalogNode node)
    {
        foreach (var (key, value) in context.Map(node, "deploy")?.Members ?? [])
        {
            switch (key)
            {
                case "resources":
                    Resources(value);
                    break;
                case "replicas":
                    _ = context.Whole(value, "deploy.replicas", 1, 1);
                    break;
                case "mode" when context.Text(value, key) is { Value: "replicated" }:
                case "labels":
                    break;
                default:
                    context.Wrong(value, $"deploy.{Shown(key)} is not supported: resources.limits is");
                    break;
            }
        }
    }

    private void Resources(CatalogNode node)
    {
        foreach (var (key, value) in context.Map(node, "deploy.resources")?.Members ?? [])
        {
            if (key != "limits")
            {
                context.Wrong(value, $"deploy.resources.{Shown(key)} is not supported: the engine promises nothing; write limits");
                continue;
            }

            foreach (var (limit, amount) in context.Map(value, "deploy.resources.limits")?.Members ?? [])
            {
                switch (limit)
                {
                    case "cpus":
                        Cpus(amount, "deploy.resources.limits.cpus");
                        break;
                    case "memory":
                        Memory(amount, "deploy.resources.limits.memory");
                        break;
                    case "pids":
                        Pids(amount, "deploy.resources.limits.pids");
                        break;
                    default:
                        context.Wrong(amount, $"deploy.resources.limits.{Shown(limit)} is not supported: cpus, memory and pids are");
                        break;
                }
            }
        }
    }

    private void Cpus(CatalogNode node, string key)
    {
        if (context.Text(node, key) is not { } text)
        {
            return;
        }

        if (!CpuQuantity.TryParse(text.Value, out var cpus, out _))
        {
            context.Wrong(node, $"{key}: {text.Shown} is not an amount of CPU: write cores as \"0.5\", at least 0.01");
            return;
        }

        Agree(node, key, _cpus, cpus);
        _cpus = cpus;
    }

    private void Memory(CatalogNode node, string key)
    {
        if (context.Text(node, key) is not { } text)
        {
            return;
        }

        if (!MemoryQuantity.TryParse(text.Value, out var memory, out _))
        {
            context.Wrong(node, $"{key}: {text.Shown} is not an amount of memory: write bytes with a unit as \"256m\", at least 6m");
            return;
        }

        Agree(node, key, _memory, memory);
        _memory = memory;
    }

    private void Pids(CatalogNode node, string key)
    {
        if (context.Whole(node, key, 1, 1_000_000) is not { } pids)
        {
            return;
        }

        Agree(node, key, _pids, pids);
        _pids = pids;
    }

    private void Agree<T>(CatalogNode node, string key, T? before, T now)
        where T : struct
    {
        if (before is { } other && !other.Equals(now))
        {
            context.Wrong(node, $"{key} says another limit than the one said before: say it once");
        }
    }

    private static string Shown(string key) => ComposeNodes.IsName(key) ? key : Quoted.Of(key);
}
