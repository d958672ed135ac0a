using System.Text.Json.Nodes;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>"Nothing is left behind", asked of the engine by label: containers, networks and volumes of the records and of their whole instance.</summary>
internal static class Leftovers
{
    /// <summary>Of one record: its containers, networks and volumes, by name.</summary>
    public static async Task<IReadOnlyList<string>> OfRecordAsync(string recordId, Engine? engine = null) =>
        await OfLabelAsync(engine ?? Engine.Local, $"{Engine.RecordLabel}={recordId}");

    /// <summary>The installation's id, from any live thing of its records; null when nothing of them lives.</summary>
    public static async Task<string?> InstanceOfAsync(Engine engine, IEnumerable<string> records)
    {
        foreach (var record in records)
        {
            if (await engine.NetworksAsync($"{Engine.RecordLabel}={record}") is [var network, ..])
            {
                return network["Labels"]![Engine.InstanceLabel]!.GetValue<string>();
            }
        }

        return null;
    }

    /// <summary>Nothing of the records, and (with its last closed runtime the guard goes too, by a turn of its own) nothing of the installation.</summary>
    public static async Task NoneAsync(Engine engine, IEnumerable<string> records, string? instance)
    {
        foreach (var record in records)
        {
            (await OfRecordAsync(record, engine)).Should().BeEmpty("record {0} was deleted", record);
        }

        if (instance is not null)
        {
            await Eventually.IsAsync(
                () => OfLabelAsync(engine, $"{Engine.InstanceLabel}={instance}"),
                left => left.Count == 0,
                TimeSpan.FromSeconds(30),
                left => $"left behind by instance {instance}: {string.Join(", ", left ?? [])}");
        }
    }

    /// <summary>After a test that failed half-way: only what carries the labels of its own records.</summary>
    public static async Task RemoveAsync(Engine engine, IEnumerable<string> records)
    {
        foreach (var label in records.Select(record => $"{Engine.RecordLabel}={record}"))
        {
            foreach (var container in await engine.ContainersAsync(label))
            {
                await engine.RemoveContainerAsync(container["Id"]!.GetValue<string>());
            }

            foreach (var network in await engine.NetworksAsync(label))
            {
                await DetachAsync(engine, network["Id"]!.GetValue<string>());
                await engine.RemoveNetworkAsync(network["Id"]!.GetValue<string>());
            }

            foreach (var volume in await engine.VolumesAsync(label))
            {
                await engine.RemoveVolumeAsync(volume["Name"]!.GetValue<string>());
            }
        }
    }

    private static async Task DetachAsync(Engine engine, string network)
    {
        var attached = (await engine.NetworkAsync(network))["Containers"]?.AsObject() ?? [];
        foreach (var (container, _) in attached)
        {
            await engine.PostAsync($"/networks/{network}/disconnect", new JsonObject { ["Container"] = container, ["Force"] = true });
        }
    }

    public static async Task<IReadOnlyList<string>> OfLabelAsync(Engine engine, string label) =>
    [
        .. (await engine.ContainersAsync(label)).Select(found => $"container {found["Names"]!.ToJsonString()}"),
        .. (await engine.NetworksAsync(label)).Select(found => $"network {found["Name"]}"),
        .. (await engine.VolumesAsync(label)).Select(found => $"volume {found["Name"]}"),
    ];
}
