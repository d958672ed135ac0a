using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Gateways.Egress;

/// <summary>
/// The way out: CONNECT and plain HTTP to the hosts on the list of the network a client sits in, and to nothing else. A name is
/// resolved once; the address that was checked is the address that is connected to.
/// </summary>
/// <param name="sameNetwork">
/// A client must have been addressed and come from one and the same inner network: on an engine each closed network has an
/// interface here. Off where all clients share one network and are told apart by their own address (Kubernetes).
/// </param>
internal sealed class EgressProxy(
    PolicyTable policies, INetworkView networks, AddressRules rules, FairNames names, Ledger ledger, TunnelSet tunnels, GuardLimits limits, bool sameNetwork, TimeProvider time)
{
    private readonly Seats _seats = new(limits.ProxyConnections, limits.ConnectionsPerNetwork);

    public async Task HandleAsync(Socket client, CancellationToken ct)
    {
        var source = SourceOf(client);
        if (!_seats.TryTake(source.Network))
        {
            Refuse(source, "", 0, Refused.TooManyConnections);
            await client.FinishAsync(Words(Refused.TooManyConnections, ""), time, ct);
            return;
        }

        try
        {
            using var inbound = new Inbound(client, ClientHello.MaxBytes);
            await ServeAsync(inbound, source, ct);
        }
        finally
        {
            _seats.Leave(source.Network);
        }
    }

    private async Task ServeAsync(Inbound inbound, Source source, CancellationToken ct)
    {
        if (await ReadAsync(inbound, source, ct) is not { } asked)
        {
            return;
        }

        if (Forbidden(source, asked) is { } reason)
        {
            Refuse(source, asked.Host.Text, asked.Port, reason);
            await inbound.Socket.FinishAsync(Words(reason, Named(asked)), time, ct);
            return;
        }

        using var upstream = await ConnectAsync(inbound.Socket, source, asked, ct);
        if (upstream is null)
        {
            return;
        }

        var policy = source.Policy!;
        using var tunnel = new Tunnel(inbound.Socket, upstream, time)
        {
            Permit = new TunnelPermit(source.Network, policy.Asked.Id, source.Address, asked.Host, asked.Port, policy.Asked.Strict),
        };
        tunnels.Add(tunnel);
        try
        {
            // Added first, looked at again then: a policy tightened in between finds the tunnel in the set or is found here.
            if (tunnel.Permit.HoldsUnder(policies))
            {
                ledger.Allow(source.Network, policy.Asked.Record);
                await new ProxiedExchange(tunnel, inbound, limits, time, why => Refuse(source, asked.Host.Text, asked.Port, why)).RunAsync(asked.Plain, ct);
            }
        }
        finally
        {
            tunnels.Remove(tunnel);
        }
    }

    /// <summary>Null: answered already.</summary>
    private async Task<Wish?> ReadAsync(Inbound inbound, Source source, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(limits.HeadTime, time);
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        HeadVerdict verdict;
        RequestHead? head;
        try
        {
            (verdict, head) = await inbound.ReadHeadAsync(limits.HeadBytes, reading.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            Refuse(source, "", 0, Refused.HeadTooSlow);
            await inbound.Socket.FinishAsync(Words(Refused.HeadTooSlow, ""), time, ct);
            return null;
        }

        if (verdict == HeadVerdict.Gone)
        {
            return null;
        }

        if (head is not null && WishOf(head) is { } wish)
        {
            return wish;
        }

        Refuse(source, "", 0, Refused.BadRequest);
        await inbound.Socket.FinishAsync(Words(Refused.BadRequest, ""), time, ct);
        return null;
    }

    private static Wish? WishOf(RequestHead head)
    {
        if (head.Method == "CONNECT")
        {
            return HostName.ParseAuthority(head.Target) is var (host, port) ? new Wish(host, port, null) : null;
        }

        return ForwardedRequest.FromAbsolute(head) is { } plain ? new Wish(plain.Host, plain.Port, plain) : null;
    }

    private static Refused? Forbidden(Source source, Wish asked) =>
        source.Policy is null ? Refused.NoPolicy
        : !source.Policy.Hosts.Allows(asked.Host, asked.Port) ? Refused.HostNotAllowed
        : null;

    /// <summary>Null: answered already.</summary>
    private async Task<Socket?> ConnectAsync(Socket client, Source source, Wish asked, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(limits.ConnectTime, time);
        using var connecting = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        var trouble = "no address was found for this name";
        try
        {
            var found = asked.Host.Address is { } literal ? [literal] : await names.ResolveAsync(source.Network, asked.Host.Text, connecting.Token);
            IPAddress[] open = [.. found.Where(rules.MayReach)];
            if (open.Length == 0 && found.Count > 0)
            {
                Refuse(source, asked.Host.Text, asked.Port, Refused.AddressForbidden);
                await client.FinishAsync(Words(Refused.AddressForbidden, Named(asked)), time, ct);
                return null;
            }

            foreach (var address in open)
            {
                var upstream = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                try
                {
                    upstream.Tune();
                    await upstream.ConnectAsync(new IPEndPoint(address, asked.Port), connecting.Token);
                    return upstream;
                }
                catch (SocketException e)
                {
                    trouble = e.Message;
                    upstream.Dispose();
                }
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            trouble = "it did not answer in time";
        }

        await client.FinishAsync(Answer.Of(502, "Bad Gateway", "Unreachable", $"{Named(asked)}: {trouble}"), time, ct);
        return null;
    }

    private Source SourceOf(Socket client)
    {
        var (local, remote) = (client.LocalAddress(), client.RemoteAddress());
        if (!sameNetwork)
        {
            var policy = policies.Find(remote);
            return new Source(policy?.Network.ToString() ?? remote.ToString(), remote, policy);
        }

        // Both ends in one network: an address of ours on another network, reached from here, gives nobody that network's policy.
        var attachment = networks.Current().InnerOf(remote) ?? networks.Refresh().InnerOf(remote);
        return attachment is null || !attachment.Network.Contains(local)
            ? new Source(attachment?.Network.ToString() ?? remote.ToString(), remote, null)
            : new Source(attachment.Network.ToString(), remote, policies.Find(remote) is { } p && p.Network == attachment.Network ? p : null);
    }

    private void Refuse(Source source, string host, int port, Refused reason) => ledger.Refuse(source.Network, source.Policy?.Asked.Record, host, port, reason);

    private static string Named(Wish asked) => $"{asked.Host}:{asked.Port}";

    private static ReadOnlyMemory<byte> Words(Refused reason, string target) => reason switch
    {
        Refused.NoPolicy => Forbidden(reason, $"{target}: this runtime has no way out"),
        Refused.HostNotAllowed => Forbidden(reason, $"{target} is not in this runtime's allowed_hosts"),
        Refused.AddressForbidden => Forbidden(reason, $"{target} is or resolves to a private, local or reserved address"),
        Refused.BadRequest => Answer.Of(400, "Bad Request", reason.ToString(), "send CONNECT host:port, or a plain request with an absolute http:// address"),
        Refused.HeadTooSlow => Answer.Of(408, "Request Timeout", reason.ToString(), "the request's head did not arrive in time"),
        Refused.TooManyConnections => Answer.Of(503, "Service Unavailable", reason.ToString(), "this runtime has too many connections open", "Retry-After: 1\r\n"),
        Refused.NotTls or Refused.ServerNameMissing or Refused.ServerNameMismatch or Refused.ServerNameEncrypted or Refused.EarlyData
            or Refused.NotFromOutside or Refused.BadToken or Refused.TargetNotInner => Forbidden(reason, target),
    };

    private static ReadOnlyMemory<byte> Forbidden(Refused reason, string message) => Answer.Of(403, "Forbidden", reason.ToString(), message);

    /// <param name="Network">As the ledger names it.</param>
    private sealed record Source(string Network, IPAddress Address, CompiledPolicy? Policy);

    /// <param name="Plain">Null for CONNECT.</param>
    private sealed record Wish(HostName Host, int Port, ForwardedRequest? Plain);
}
