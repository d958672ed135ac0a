using System.Globalization;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>
/// The guardrails' cpu, memory and processes are for all services together. What a service states it gets; those that state
/// nothing share the rest equally. The sum is never more than the whole.
/// </summary>
internal static class ResourceShares
{
    private const long LeastNanoCpus = 10_000_000;

    private const long LeastMemory = 6L << 20;

    private const long LeastPids = 4;

    public static IReadOnlyDictionary<string, ResourceGuardrails> Of(IReadOnlyList<ComposeService> services, ResourceGuardrails whole, string file, ICollection<ComposeError> errors)
    {
        void Wrong(ComposeService service, string key, string message) =>
            errors.Add(new ComposeError(service.LineOf(key), 0, ComposePlace.Of(file, service.LineOf(key), service.Name, message)));

        long? cpu = CpuQuantity.TryParse(whole.Cpu, out var cpus, out _) ? cpus.NanoCpus : null;
        long? memory = MemoryQuantity.TryParse(whole.Memory, out var bytes, out _) ? bytes.Bytes : null;
        var ofCpu = Share(services, cpu, s => s.Cpus?.NanoCpus, LeastNanoCpus, (s, why) => Wrong(s, Key(s, "cpus"), $"cpus: {why} {new CpuQuantity(cpu!.Value)} cores (resources.cpu)"));
        var ofMemory = Share(services, memory, s => s.Memory?.Bytes, LeastMemory, (s, why) => Wrong(s, Key(s, "mem_limit"), $"mem_limit: {why} {new MemoryQuantity(memory!.Value)} (resources.memory)"));
        var ofPids = Share(services, whole.MaxPids, s => s.Pids, LeastPids, (s, why) => Wrong(s, Key(s, "pids_limit"), $"pids_limit: {why} {whole.MaxPids} processes (resources.max_pids)"));
        return services.ToDictionary(
            s => s.Name,
            s => whole with
            {
                Cpu = ofCpu[s.Name] is { } c ? new CpuQuantity(c).ToString() : null,
                Memory = ofMemory[s.Name] is { } m ? m.ToString(CultureInfo.InvariantCulture) : null,
                MaxPids = (int?)ofPids[s.Name],
            },
            StringComparer.Ordinal);
    }

    private static Dictionary<string, long?> Share(
        IReadOnlyList<ComposeService> services, long? whole, Func<ComposeService, long?> stated, long least, Action<ComposeService, string> wrong)
    {
        var shares = services.ToDictionary(s => s.Name, stated, StringComparer.Ordinal);
        if (whole is not { } limit)
        {
            return shares;
        }

        var silent = services.Where(s => stated(s) is null).ToList();
        var left = limit;
        foreach (var service in services)
        {
            if (stated(service) is { } own && (left -= own) < 0)
            {
                wrong(service, "with this one the services ask for more than the runtime's");
                return shares;
            }
        }

        // Whole steps of a mebibyte or a thousandth of a core would read better and give away a part: the engine takes any number.
        var share = silent.Count == 0 ? 0 : left / silent.Count;
        if (silent.Count > 0 && share < least)
        {
            wrong(silent[0], "too little is left for those that state nothing, of the runtime's");
            return shares;
        }

        foreach (var service in silent)
        {
            shares[service.Name] = share;
        }

        return shares;
    }

    private static string Key(ComposeService service, string key) => service.Lines.ContainsKey(key) ? key : "deploy";
}
