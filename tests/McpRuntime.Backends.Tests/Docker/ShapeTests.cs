using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Docker;

public sealed class ShapeTests
{
    private static readonly KeyedHash Hash = new(new byte[32]);

    private static readonly EngineInfo Able = new() { MemoryLimit = true, SwapLimit = true, CpuCfsPeriod = true, CpuCfsQuota = true, PidsLimit = true };

    private static readonly ContainerInspect Live = new(
        "id", "/name", null, "sha256:1", new ContainerState("running", true, false, false, false, 0, null, null, null),
        new ContainerConfig { Image = "pin", User = "1", Env = ["A=1", "B=2"], Entrypoint = ["/e"], Cmd = ["c"] },
        new HostConfig { NetworkMode = "net", Memory = 64, MemorySwap = 64, NanoCpus = 5, PidsLimit = 9, CapDrop = ["ALL"], CapAdd = ["CAP_CHOWN", "NET_BIND_SERVICE"] },
        new ContainerNetworks(new Dictionary<string, EndpointSettings> { ["net"] = new("n", "10.0.0.2") }),
        [new MountPoint("volume", "v", "/x", "/data", true)]);

    private static IEnumerable<(string Field, ContainerInspect Edited)> Edits =>
    [
        ("Config.Image", Live with { Config = Live.Config with { Image = "other" } }),
        ("Config.User", Live with { Config = Live.Config with { User = "0" } }),
        ("Config.Env", Live with { Config = Live.Config with { Env = ["A=1", "B=3"] } }),
        ("Config.Cmd", Live with { Config = Live.Config with { Cmd = ["c", ""] } }),
        ("HostConfig.Memory", Live with { HostConfig = Live.HostConfig with { Memory = 65 } }),
        ("HostConfig.MemorySwap", Live with { HostConfig = Live.HostConfig with { MemorySwap = 128 } }),
        ("HostConfig.PidsLimit", Live with { HostConfig = Live.HostConfig with { PidsLimit = null } }),
        ("HostConfig.Privileged", Live with { HostConfig = Live.HostConfig with { Privileged = true } }),
        ("HostConfig.PidMode", Live with { HostConfig = Live.HostConfig with { PidMode = "host" } }),
        ("HostConfig.Binds", Live with { HostConfig = Live.HostConfig with { Binds = ["/:/host"] } }),
        ("HostConfig.CapAdd", Live with { HostConfig = Live.HostConfig with { CapAdd = ["SYS_ADMIN"] } }),
        ("HostConfig.RestartPolicy", Live with { HostConfig = Live.HostConfig with { RestartPolicy = new RestartPolicy("always") } }),
        ("HostConfig.MaskedPaths", Live with { HostConfig = Live.HostConfig with { MaskedPaths = [] } }),
        ("HostConfig.ReadonlyPaths", Live with { HostConfig = Live.HostConfig with { ReadonlyPaths = [] } }),
        ("HostConfig.DeviceCgroupRules", Live with { HostConfig = Live.HostConfig with { DeviceCgroupRules = ["a *:* rwm"] } }),
        ("HostConfig.GroupAdd", Live with { HostConfig = Live.HostConfig with { GroupAdd = ["0"] } }),
        ("HostConfig.OomKillDisable", Live with { HostConfig = Live.HostConfig with { OomKillDisable = true } }),
        ("Mounts", Live with { Mounts = [new MountPoint("bind", null, "/", "/data", true)] }),
        ("NetworkSettings.Networks", Live with { NetworkSettings = new ContainerNetworks(new Dictionary<string, EndpointSettings> { ["net"] = new("n", "x"), ["bridge"] = new("b", "y") }) }),
        ("State.Paused", Live with { State = Live.State with { Paused = true } }),
    ];

    [Test]
    public void Any_edit_changes_the_fingerprint_and_its_field_is_named()
    {
        var before = ContainerShape.Live(Live, Able);
        foreach (var (field, edited) in Edits)
        {
            var after = ContainerShape.Live(edited, Able);

            after.Fingerprint(Hash).Should().NotBe(before.Fingerprint(Hash), because: field);
            after.DifferingFrom(before.Legend(Hash), Hash).Should().Equal(field);
            after.DifferingFrom(before).Should().Equal(field);
        }
    }

    [Test]
    public void Order_case_and_prefix_of_capabilities_and_the_order_of_variables_mean_nothing()
    {
        var same = Live with
        {
            Config = Live.Config with { Env = ["B=2", "A=1"] },
            HostConfig = Live.HostConfig with { CapAdd = ["cap_net_bind_service", "CHOWN"], RestartPolicy = new RestartPolicy("no"), PortBindings = new Dictionary<string, IReadOnlyList<PortBinding>?>() },
        };

        ContainerShape.Live(same, Able).Fingerprint(Hash).Should().Be(ContainerShape.Live(Live, Able).Fingerprint(Hash));
    }

    [Test]
    public void One_value_cannot_pretend_to_be_two()
    {
        var one = Live with { Config = Live.Config with { Cmd = ["a", "b"] } };
        var two = Live with { Config = Live.Config with { Cmd = ["a b"] } };
        var three = Live with { Config = Live.Config with { Cmd = ["a;1:=1:b"] } };

        new[] { one, two, three }.Select(c => ContainerShape.Live(c, Able).Fingerprint(Hash)).Should().OnlyHaveUniqueItems();
    }

    [Test]
    public void What_the_engine_cannot_hold_does_not_differ_for_ever()
    {
        var asked = Live with { Config = Live.Config with { Labels = new Dictionary<string, string> { [DockerNames.Limits] = LimitsLabel.Of(Live.HostConfig) } } };
        var dropped = asked with { HostConfig = Live.HostConfig with { PidsLimit = null, MemorySwap = -1 } };

        ContainerShape.Live(dropped, Able with { PidsLimit = false, SwapLimit = false }).Fingerprint(Hash).Should().Be(ContainerShape.Live(asked, Able).Fingerprint(Hash));
        ContainerShape.Live(dropped, Able).Fingerprint(Hash).Should().NotBe(ContainerShape.Live(asked, Able).Fingerprint(Hash));
    }

    [Test]
    public void The_legend_gives_no_value_away()
    {
        ContainerShape.Live(Live, Able).Legend(Hash).Should().NotContainAny("A=1", "/data", "pin");
        ContainerShape.Live(Live, Able).Legend(new KeyedHash([1])).Should().NotBe(ContainerShape.Live(Live, Able).Legend(Hash));
    }
}
