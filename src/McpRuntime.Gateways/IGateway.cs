using McpRuntime.Backends;
using McpRuntime.Core.Planning;

namespace McpRuntime.Gateways;

/// <summary>Where clients reach what runs; its routes and registrations are resources like any other.</summary>
public interface IGateway : IResourceProvider
{
    /// <summary>Pure: the routes and registrations of a revision. They are bound to the endpoint's container.</summary>
    /// <param name="running">False for the Stopped set: no route; a registration is inactive.</param>
    IReadOnlyList<Resource> Compile(CompileInput input, Endpoint endpoint, bool running);

    /// <summary>Where the registrations among them live; null: there are none.</summary>
    IResourceProvider? Registry => null;
}

/// <summary>Does MCP handshakes outside the turns and remembers the last word on each incarnation.</summary>
public interface IProber
{
    /// <summary>The last results for this runtime, by container id. Reads memory only.</summary>
    IReadOnlyDictionary<string, Handshake> Results(string recordId);

    /// <summary>
    /// Says what should be probed; idempotent. A new incarnation is probed at once, a known one every 60 s, or, where that would keep
    /// awake what sleeps, only when somebody asks or doubts. Wakes the record when the verdict changes.
    /// </summary>
    void Watch(string recordId, Endpoint endpoint, string instance, UpstreamAddress address);

    /// <summary>Somebody asks how it is: the next handshake is now, not when its time comes.</summary>
    void Recheck(string recordId)
    {
        // A prober without pauses has nothing to shorten.
    }

    /// <summary>A call came to nothing: what sleeps when idle, and so is not asked by the clock, is asked now.</summary>
    void Doubt(string recordId)
    {
        // A prober that asks by the clock finds out by itself.
    }

    void Forget(string recordId);
}
