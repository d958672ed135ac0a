using System.Net;
using McpRuntime.Gateways.Egress;

namespace McpRuntime.Gateways.Tests.Egress;

/// <summary>A host's networks as a test says them.</summary>
internal sealed class FixedNetworks(params Attachment[] attachments) : INetworkView
{
    private NetworkSnapshot _snapshot = new(attachments);

    public NetworkSnapshot Current() => _snapshot;

    public NetworkSnapshot Refresh() => _snapshot;

    public void Become(params Attachment[] next) => _snapshot = new NetworkSnapshot(next);
}

internal sealed class FixedNames : INameResolver
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, Queue<IPAddress[]>> _answers = new(StringComparer.Ordinal);

    public int Asked { get; private set; }

    /// <summary>One answer a question; the last is repeated.</summary>
    public FixedNames With(string name, params string[] answers)
    {
        _answers[name] = new Queue<IPAddress[]>(answers.Select(a => a.Split(',').Select(IPAddress.Parse).ToArray()));
        return this;
    }

    public Task<IReadOnlyList<IPAddress>> ResolveAsync(string name, CancellationToken ct)
    {
        lock (_answers)
        {
            Asked++;
            if (!_answers.TryGetValue(name, out var answers))
            {
                return Task.FromResult<IReadOnlyList<IPAddress>>([]);
            }

            return Task.FromResult<IReadOnlyList<IPAddress>>(answers.Count > 1 ? answers.Dequeue() : answers.Peek());
        }
    }
}
