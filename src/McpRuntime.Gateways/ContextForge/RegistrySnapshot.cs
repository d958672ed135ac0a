using McpRuntime.Backends;
using McpRuntime.Core.Planning;

namespace McpRuntime.Gateways.ContextForge;

/// <summary>
/// One list for the turns of all records, asked for by one of them at a time. A write ends it, so that nobody decides twice on the same
/// sight; a failed one is remembered, so that an outage costs one timeout now and then and not one a turn.
/// </summary>
internal sealed class RegistrySnapshot(ContextForgeWire wire, ContextForgeOptions options, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);
    private volatile Sight? _last;

    /// <exception cref="BackendFault">It can't be seen, now or a moment ago.</exception>
    public async Task<IReadOnlyList<GatewayRead>> GetAsync(CancellationToken ct)
    {
        if (Fresh() is { } seen)
        {
            return seen.Gateways;
        }

        await _one.WaitAsync(ct);
        try
        {
            return (Fresh() ?? await LookAsync(ct)).Gateways;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Forget() => _last = null;

    public void Dispose() => _one.Dispose();

    private Sight? Fresh() => _last switch
    {
        { Fault: { } fault } last when time.GetElapsedTime(last.At) < options.AwayFor => throw new BackendFault(fault),
        { Fault: null } last when time.GetElapsedTime(last.At) < options.ListFor => last,
        _ => null,
    };

    private async Task<Sight> LookAsync(CancellationToken ct)
    {
        var at = time.GetTimestamp();
        try
        {
            return _last = new Sight(await wire.ListAsync(ct), null, at);
        }
        catch (BackendFault fault)
        {
            _last = new Sight([], fault.Fault, time.GetTimestamp());
            throw;
        }
    }

    /// <param name="At">When it was asked for, of a list: what happened after that may be missing in it.</param>
    private sealed record Sight(IReadOnlyList<GatewayRead> Gateways, Fault? Fault, long At);
}
