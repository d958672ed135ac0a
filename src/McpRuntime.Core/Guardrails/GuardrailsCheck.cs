using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Guardrails;

/// <summary>Whether a config means anything, and whether it may be asked for without a profile that an admin made.</summary>
public static class GuardrailsCheck
{
    public const int MostHosts = 256;

    public const int MostPorts = 64;

    public const int MostMounts = 64;

    /// <summary>Paths are the config's own: <c>network.allowed_hosts</c>.</summary>
    public static IReadOnlyList<ValidationError> Form(GuardrailsConfig config)
    {
        List<ValidationError> errors = [];
        Network(config.Network, errors);
        Mounts(config.Filesystem.AllowedMounts, errors);
        Capabilities(config.Capabilities.Add, errors);
        Resources(config.Resources, errors);
        Confinement("seccomp", config.Seccomp, errors);
        Confinement("apparmor", config.Apparmor, errors);
        return errors;
    }

    /// <summary>What only a custom profile's own content may hold; the same in an override, or in a built-in profile's name, is refused.</summary>
    public static IReadOnlyList<ValidationError> NeedsOwnProfile(GuardrailsConfig effective, GuardrailProfile profile)
    {
        List<ValidationError> errors = [];
        var granted = profile.BuiltIn ? new GuardrailsConfig() : GuardrailsMerge.Normalise(profile.Config);
        var listed = Egress.Of(effective.Network) is Egress.Hosts;
        foreach (var name in effective.Capabilities.Add)
        {
            // Raw sockets send what no proxy sees: beside a host list they undo it.
            if ((LinuxCapabilities.IsDangerous(name) || (listed && name == LinuxCapabilities.Raw)) && !granted.Capabilities.Add.Contains(name, StringComparer.Ordinal))
            {
                errors.Add(new("capabilities.add", $"{name} can't be added here: an admin may make a guardrails profile that holds it"));
            }
        }

        Unconfined("seccomp", effective.Seccomp, granted.Seccomp, errors);
        Unconfined("apparmor", effective.Apparmor, granted.Apparmor, errors);
        return errors;
    }

    /// <summary>What a custom profile must be to be stored.</summary>
    public static IReadOnlyList<ValidationError> Profile(string? name, string? description, IReadOnlyList<string> recommendedBackends, GuardrailsConfig config)
    {
        List<ValidationError> errors = [];
        if (!RuntimeName.IsLabel(name))
        {
            errors.Add(new("name", "a profile's name is lower-case letters, digits and hyphens, beginning and ending with a letter or digit, at most 63"));
        }
        else if (BuiltInProfiles.Find(name!) is not null)
        {
            errors.Add(new("name", $"\"{name}\" is a built-in profile; choose another name"));
        }

        if (description?.Length > 500)
        {
            errors.Add(new("description", $"has {description.Length} characters; at most 500 are allowed"));
        }

        if (recommendedBackends.Count > 16 || recommendedBackends.Any(b => b.Length is 0 or > 63))
        {
            errors.Add(new("recommended_backends", "at most 16 names of backends"));
        }

        errors.AddRange(Form(config).Select(error => error with { Path = "config." + error.Path }));
        return errors;
    }

    private static void Network(NetworkGuardrails network, List<ValidationError> errors)
    {
        const string Hosts = "network.allowed_hosts";
        if (network.AllowedHosts.Count > MostHosts)
        {
            errors.Add(new(Hosts, $"has {network.AllowedHosts.Count} hosts; at most {MostHosts} are allowed"));
        }
        else
        {
            errors.AddRange(network.AllowedHosts.Where(h => h != "*").Select(h => EgressHost.TryParse(h, out _, out var why) ? null : new ValidationError(Hosts, why)).OfType<ValidationError>());
        }

        if (!network.EgressAllowed && network.AllowedHosts.Count > 0)
        {
            errors.Add(new(Hosts, "names hosts while network.egress_allowed is false, which lets nothing out: set egress_allowed to true to allow these hosts alone, or send no hosts"));
        }

        if (network.IngressPorts.Count > MostPorts)
        {
            errors.Add(new("network.ingress_ports", $"has {network.IngressPorts.Count} ports; at most {MostPorts} are allowed"));
        }
        else if (network.IngressPorts.Any(port => port is < 1 or > 65535))
        {
            errors.Add(new("network.ingress_ports", "a port is a number from 1 to 65535"));
        }
    }

    private static void Mounts(IReadOnlyList<string> mounts, List<ValidationError> errors)
    {
        const string Field = "filesystem.allowed_mounts";
        if (mounts.Count > MostMounts)
        {
            errors.Add(new(Field, $"has {mounts.Count} paths; at most {MostMounts} are allowed"));
            return;
        }

        errors.AddRange(mounts.Select(m => ContainerPath.TryParse(m, out _, out var why) ? null : new ValidationError(Field, why)).OfType<ValidationError>());
    }

    private static void Capabilities(IReadOnlyList<string> add, List<ValidationError> errors)
    {
        if (add.Count > 64)
        {
            errors.Add(new("capabilities.add", $"has {add.Count} names; at most 64 are allowed"));
            return;
        }

        errors.AddRange(add.Where(name => !LinuxCapabilities.IsKnown(LinuxCapabilities.Normalise(name)))
            .Select(name => new ValidationError("capabilities.add", $"{Quoted.Of(name)} is not a capability of Linux, such as NET_BIND_SERVICE")));
    }

    private static void Resources(ResourceGuardrails resources, List<ValidationError> errors)
    {
        if (resources.Cpu is not null && !CpuQuantity.TryParse(resources.Cpu, out _, out var cpu))
        {
            errors.Add(new("resources.cpu", cpu));
        }

        if (resources.Memory is not null && !MemoryQuantity.TryParse(resources.Memory, out _, out var memory))
        {
            errors.Add(new("resources.memory", memory));
        }

        // The kernel's pid_max goes to 4194304.
        Range("resources.max_pids", resources.MaxPids, 1, 4_194_304, errors);
        Range("resources.min_scale", resources.MinScale, 0, 250, errors);
        Range("resources.max_scale", resources.MaxScale, 1, 250, errors);
        Range("resources.timeout_seconds", resources.TimeoutSeconds, 1, 86_400, errors);
        if (resources.MinScale > resources.MaxScale)
        {
            errors.Add(new("resources.min_scale", $"{resources.MinScale} is more than max_scale, {resources.MaxScale}"));
        }
    }

    private static void Range(string field, int? value, int least, int most, List<ValidationError> errors)
    {
        if (value < least || value > most)
        {
            errors.Add(new(field, $"{value} is out of range: {least} to {most}"));
        }
    }

    private static void Confinement(string field, string? name, List<ValidationError> errors)
    {
        if (name is not null && (name.Length is 0 or > 128 || !char.IsAsciiLetterOrDigit(name[0]) || name.Contains("..", StringComparison.Ordinal)
            || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '/')))
        {
            errors.Add(new(field, $"{Quoted.Of(name)} is not the name of a profile: letters, digits, \".\", \"_\", \"-\" and \"/\", at most 128"));
        }
    }

    private static void Unconfined(string field, string? effective, string? granted, List<ValidationError> errors)
    {
        if (effective == "unconfined" && granted != "unconfined")
        {
            errors.Add(new(field, "\"unconfined\" can't be asked for here: an admin may make a guardrails profile that holds it"));
        }
    }
}
