using System.Globalization;
using System.Text.Json.Nodes;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>
/// Holds every control that a runtime's report calls enforced against <c>docker inspect</c>. Written from the guardrails' meaning, not
/// from the compiler; a control that it does not know fails.
/// </summary>
internal static class EnforcementOracle
{
    public static async Task HoldsAsync(RuntimeShown runtime, Engine engine)
    {
        var container = await engine.TheContainerAsync(runtime.Id);
        var networks = container["NetworkSettings"]!["Networks"]!.AsObject();
        var network = networks.Count == 0 ? null : await engine.NetworkAsync(networks.Single().Value!["NetworkID"]!.GetValue<string>());
        var asked = runtime.Body["guardrails"]!;
        foreach (var control in runtime.Report.Values.Where(control => control.IsEnforced))
        {
            Held(control.Control, container, network, asked).Should().BeTrue(
                "the report of {0} says {1} is enforced at {2} (observed {3})", runtime.Name, control.Control, control.Where, control.Observed);
        }
    }

    /// <summary>The same for each service of a runtime that has several; cpu, memory and processes are for all of them together.</summary>
    /// <param name="containers">All of them, inspected.</param>
    public static async Task HoldsForEachAsync(RuntimeShown runtime, IReadOnlyList<JsonObject> containers, Engine engine)
    {
        var asked = runtime.Body["guardrails"]!;
        foreach (var container in containers)
        {
            foreach (var (_, attached) in container["NetworkSettings"]!["Networks"]!.AsObject())
            {
                var network = await engine.NetworkAsync(attached!["NetworkID"]!.GetValue<string>());
                foreach (var control in runtime.Report.Values.Where(control => control.IsEnforced && control.Control is not ("cpu" or "memory" or "pids")))
                {
                    (control.Control == "peers" ? OnlyOwnAreNear(runtime.Id, containers, network) : Held(control.Control, container, network, asked)).Should().BeTrue(
                        "the report of {0} says {1} is enforced, and {2} is one of its services", runtime.Name, control.Control, container["Name"]);
                }
            }
        }

        Sum(containers, "NanoCpus").Should().BeInRange(1, (long)(Cores(asked["resources"]!["cpu"]!.GetValue<string>()) * 1_000_000_000m));
        Sum(containers, "Memory").Should().BeInRange(1, Bytes(asked["resources"]!["memory"]!.GetValue<string>()));
        Sum(containers, "PidsLimit").Should().BeInRange(1, asked["resources"]!["max_pids"]!.GetValue<long>());
    }

    private static long Sum(IReadOnlyList<JsonObject> containers, string limit) => containers.Sum(container =>
    {
        var own = container["HostConfig"]![limit]!.GetValue<long>();
        return own > 0 ? own : throw new InvalidOperationException($"{container["Name"]} has no {limit}.");
    });

    private static bool OnlyOwnAreNear(string record, IReadOnlyList<JsonObject> containers, JsonObject network)
    {
        var own = containers.Select(container => container["Id"]!.GetValue<string>()).ToHashSet(StringComparer.Ordinal);
        return network["Labels"]?[Engine.RecordLabel]?.GetValue<string>() == record
            && network["Containers"]!.AsObject().All(near => own.Contains(near.Key) || near.Value!["Name"]!.GetValue<string>().StartsWith("mcp-guard-", StringComparison.Ordinal));
    }

    private static bool Held(string control, JsonObject container, JsonObject? network, JsonNode asked)
    {
        var host = container["HostConfig"]!;
        return control switch
        {
            "egress" or "host_ports" or "metadata" => IsClosed(host, network),
            "allowed_hosts" => IsClosed(host, network),
            "ingress" => host["PortBindings"] is not JsonObject { Count: > 0 } && host["PublishAllPorts"]?.GetValue<bool>() != true,
            "peers" => network is null || Option(network, "com.docker.network.bridge.enable_icc") == "false" || OnlyTheGuardIsNear(container, network),
            "dns" => host["Dns"] is JsonArray { Count: > 0 } || IsNone(host),
            "read_only_root" => host["ReadonlyRootfs"]!.GetValue<bool>(),
            "mounts" => MountsAreVolumes(container, Texts(asked["filesystem"]?["allowed_mounts"])),
            "drop_capabilities" => Texts(host["CapDrop"]).Contains("ALL", StringComparer.Ordinal),
            "add_capabilities" => Capabilities(host["CapAdd"]).SetEquals(Capabilities(asked["capabilities"]?["add"])),
            "cpu" => host["NanoCpus"]!.GetValue<long>() == (long)(Cores(asked["resources"]!["cpu"]!.GetValue<string>()) * 1_000_000_000m),
            "memory" => host["Memory"]!.GetValue<long>() == Bytes(asked["resources"]!["memory"]!.GetValue<string>())
                && host["MemorySwap"]!.GetValue<long>() == host["Memory"]!.GetValue<long>(),
            "pids" => host["PidsLimit"]?.GetValue<long>() == asked["resources"]!["max_pids"]!.GetValue<long>(),
            "seccomp" => !Texts(host["SecurityOpt"]).Any(option => option.Contains("unconfined", StringComparison.Ordinal)),
            "apparmor" => container["AppArmorProfile"]?.GetValue<string>() == asked["apparmor"]?.GetValue<string>(),
            "no_new_privileges" => Texts(host["SecurityOpt"]).Any(option => option.StartsWith("no-new-privileges", StringComparison.Ordinal) && !option.EndsWith("false", StringComparison.Ordinal)),
            "non_root" => container["Config"]!["User"]!.GetValue<string>().Split(':')[0] is not ("" or "0" or "root"),
            // Held before anything runs: at the door, in the pin, in the database.
            "require_digest" or "allowed_registries" or "secrets_at_rest" => true,
            _ => throw new InvalidOperationException($"The report calls '{control}' enforced, and the oracle knows no way to see that."),
        };
    }

    private static bool IsNone(JsonNode host) => host["NetworkMode"]!.GetValue<string>() == "none";

    private static bool IsClosed(JsonNode host, JsonObject? network) =>
        IsNone(host) || (network is not null && network["Internal"]!.GetValue<bool>() && Option(network, "com.docker.network.bridge.inhibit_ipv4") == "true");

    /// <summary>A closed network: its own containers and the guard that relays to them, nobody else.</summary>
    private static bool OnlyTheGuardIsNear(JsonObject container, JsonObject network)
    {
        var own = container["Name"]!.GetValue<string>().TrimStart('/');
        return network["Internal"]!.GetValue<bool>() && network["Containers"]!.AsObject()
            .Select(near => near.Value!["Name"]!.GetValue<string>())
            .All(near => near.StartsWith(own[..own.LastIndexOf('-')], StringComparison.Ordinal) || near.StartsWith("mcp-guard-", StringComparison.Ordinal));
    }

    private static string? Option(JsonObject network, string name) => network["Options"]?[name]?.GetValue<string>();

    private static bool MountsAreVolumes(JsonObject container, IReadOnlyList<string> allowed) =>
        container["HostConfig"]!["Binds"] is not JsonArray { Count: > 0 }
        && container["Mounts"]!.AsArray().All(mount => mount!["Type"]!.GetValue<string>() is "volume" or "tmpfs"
            && (mount["Destination"]!.GetValue<string>() == "/tmp" || allowed.Any(path => path == "/" || IsWithin(mount["Destination"]!.GetValue<string>(), path))));

    private static bool IsWithin(string path, string folder) => path == folder || path.StartsWith(folder + "/", StringComparison.Ordinal);

    private static HashSet<string> Capabilities(JsonNode? names) =>
        Texts(names).Select(name => name.StartsWith("CAP_", StringComparison.Ordinal) ? name[4..] : name).ToHashSet(StringComparer.Ordinal);

    private static IReadOnlyList<string> Texts(JsonNode? items) => items is JsonArray array ? [.. array.Select(item => item!.GetValue<string>())] : [];

    private static decimal Cores(string quantity) => quantity.EndsWith('m')
        ? decimal.Parse(quantity[..^1], CultureInfo.InvariantCulture) / 1000
        : decimal.Parse(quantity, CultureInfo.InvariantCulture);

    private static long Bytes(string quantity)
    {
        var digits = quantity.TrimEnd('b', 'B', 'i', 'k', 'K', 'm', 'M', 'g', 'G');
        var unit = quantity[digits.Length..];
        var factor = unit.Length == 0 ? 1L : char.ToLowerInvariant(unit[0]) switch { 'k' => 1024L, 'm' => 1024L * 1024, 'g' => 1024L * 1024 * 1024, _ => 1L };
        return long.Parse(digits, CultureInfo.InvariantCulture) * factor;
    }
}
