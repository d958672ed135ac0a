using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>The keys that are refused, each with why and what to do instead. What no file has is refused as unknown.</summary>
internal static class ServiceRefusals
{
    private static readonly Dictionary<string, string> Why = new(StringComparer.Ordinal)
    {
        ["privileged"] = "privileged is not allowed: it takes away every guardrail",
        ["devices"] = "devices are not allowed: nothing of the host is handed in",
        ["device_cgroup_rules"] = "device_cgroup_rules are not allowed: nothing of the host is handed in",
        ["gpus"] = "gpus are not allowed: nothing of the host is handed in",
        ["network_mode"] = "network_mode is not allowed: each runtime has networks of its own; leave it out",
        ["pid"] = "pid is not allowed: a service sees its own processes only",
        ["ipc"] = "ipc is not allowed: a service has memory of its own only",
        ["uts"] = "uts is not allowed: the host's name is its own",
        ["userns_mode"] = "userns_mode is not allowed: users are mapped as the engine is set up",
        ["cgroup"] = "cgroup is not allowed: limits come from the guardrails",
        ["cgroup_parent"] = "cgroup_parent is not allowed: limits come from the guardrails",
        ["security_opt"] = "security_opt is not allowed: seccomp, AppArmor and no-new-privileges come from the guardrails",
        ["sysctls"] = "sysctls are not allowed: the kernel's settings stay as they are",
        ["ulimits"] = "ulimits are not supported: limits come from the guardrails, and mem_limit, cpus and pids_limit",
        ["env_file"] = "env_file names a file that is not there: write the variables into environment, and values as ${NAME} sent with the request",
        ["extends"] = "extends is not supported: write the service out, or share parts of it by anchors (&name, *name, <<)",
        ["secrets"] = "secrets come from files of the host, which are not there: send the value in environment and name it as ${NAME}",
        ["configs"] = "configs come from files of the host, which are not there: put the file into the image, or its value into environment",
        ["volumes_from"] = "volumes_from is not supported: name the volume in both services",
        ["links"] = "links are not needed: services find one another by their names",
        ["external_links"] = "external_links are not allowed: other runtimes are out of reach",
        ["extra_hosts"] = "extra_hosts are not allowed: names are those of the services and, where egress is open, of the network",
        ["dns"] = "dns is not allowed: names are resolved as the guardrails allow",
        ["dns_search"] = "dns_search is not allowed: names are resolved as the guardrails allow",
        ["dns_opt"] = "dns_opt is not allowed: names are resolved as the guardrails allow",
        ["mac_address"] = "mac_address is not supported: the engine chooses it",
        ["domainname"] = "domainname is not supported: write hostname",
        ["group_add"] = "group_add is not supported: write the group in user, as \"1000:1000\"",
        ["logging"] = "logging is not supported: logs are kept and bounded by the runtime",
        ["profiles"] = "profiles are not supported: every service of the file runs",
        ["runtime"] = "runtime is not allowed: the engine's own is used",
        ["shm_size"] = "shm_size is not supported: /dev/shm has the engine's default of 64 MB",
        ["mem_reservation"] = "mem_reservation is not supported: the engine promises nothing; write mem_limit",
        ["memswap_limit"] = "memswap_limit is not supported: there is no swap beyond the memory limit",
        ["mem_swappiness"] = "mem_swappiness is not supported: there is no swap beyond the memory limit",
        ["oom_kill_disable"] = "oom_kill_disable is not allowed: a limit that kills nobody is none",
        ["oom_score_adj"] = "oom_score_adj is not allowed: the kernel chooses",
        ["cpu_shares"] = "cpu_shares are not supported: write cpus",
        ["cpu_quota"] = "cpu_quota is not supported: write cpus",
        ["cpu_period"] = "cpu_period is not supported: write cpus",
        ["cpuset"] = "cpuset is not supported: write cpus",
        ["storage_opt"] = "storage_opt is not supported: the root is read-only where the guardrails say so",
        ["pull_policy"] = "pull_policy: images are pinned when they are resolved, and pulled where they are missing; leave it out",
        ["develop"] = "develop is not supported: nothing of a working copy is watched here; leave it out",
    };

    /// <summary>Switched off explicitly they say what holds anyway.</summary>
    private static readonly HashSet<string> Switches = new(StringComparer.Ordinal) { "privileged", "tty", "stdin_open", "oom_kill_disable" };

    /// <returns>True: told, or harmless.</returns>
    public static bool Judge(ComposeContext context, string key, CatalogNode node)
    {
        if (key.StartsWith("x-", StringComparison.Ordinal) || (Switches.Contains(key) && node is CatalogNode.Scalar { Value: "false" }))
        {
            return true;
        }

        if (Why.TryGetValue(key, out var why))
        {
            context.Wrong(node, why);
        }
        else if (node is not CatalogNode.Scalar { IsNull: true } || !Known.Contains(key))
        {
            context.Wrong(node, key is "tty" or "stdin_open" ? $"{key} is not supported: there is no terminal" : $"{Quoted.Of(key)} is not a key that is supported here");
        }

        return true;
    }

    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "image", "build", "platform", "command", "entrypoint", "environment", "user", "working_dir", "hostname", "labels", "init", "read_only", "cap_add", "cap_drop", "ports", "expose",
        "volumes", "tmpfs", "networks", "depends_on", "healthcheck", "restart", "stop_signal", "stop_grace_period", "container_name", "cpus", "mem_limit", "pids_limit", "scale", "deploy",
        "tty", "stdin_open",
    };
}
