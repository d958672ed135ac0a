using System.Text.Json.Nodes;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>"Nothing is left behind", asked of the engine by label: containers, networks and volumes of the records and of their whole instance.</summary>
internal static class Leftovers
{
    /// <summary>Of one record: its containers, networks and volumes, by name.</summary>
    public static async Task<IReadOnlyList<string>> OfRecordAsync(string recordId, Engine? engine = null) =>
        await OfLabelAsync(engine ?? Engine.Local, $"{Engine.RecordLabel}={recordId}");

    public static async Task NoneAsync(IEnumerable<string> records)
    {
        foreach (var record in records)
        {
            (await OfRecordAsync(record)).Should().BeEmpty("record {0} was deleted", record);
        }
    }

    /// <summary>After a test that failed half-way: only what carries the labels of its own records.</summary>
    public static async Task RemoveAsync(IEnumerable<string> records)
    {
        var engine = Engine.Local;
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
