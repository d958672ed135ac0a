using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Specs;

namespace McpRuntime.Gateways.Egress;

/// <summary>The shared secret of the controller and the guard. Compared in constant time, over digests: not even its length shows.</summary>
internal sealed class GuardToken(SecretText token)
{
    private readonly byte[] _digest = SHA256.HashData(Encoding.UTF8.GetBytes(token.Reveal()));

    /// <param name="authorization">The field's value, <c>Bearer …</c>.</param>
    public bool Accepts(string? authorization)
    {
        const string Scheme = "Bearer ";
        return authorization is not null
            && authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(authorization[Scheme.Length..])), _digest);
    }
}

/// <summary>
/// The way in: <c>CONNECT ip:port</c> with the token, from outside only, to an address of a closed network only. It never resolves
/// a name and never reaches an outer network, itself, or the host.
/// </summary>
internal sealed class Relay(GuardToken token, INetworkView networks, Ledger ledger, TunnelSet tunnels, GuardLimits limits, TimeProvider time)
{
    private readonly Seats _seats = new(limits.RelayConnections, limits.RelayConnections);

    public async Task HandleAsync(Socket client, CancellationToken ct)
    {
        var (local, remote) = (client.LocalAddress(), client.RemoteAddress());
        if (!networks.Current().IsFromOutside(local, remote) && !networks.Refresh().IsFromOutside(local, remote))
        {
            // Not a word: a closed server has no business here.
            ledger.Refuse(SourceOf(remote), null, local.ToString(), GuardPortOf(client), Refused.NotFromOutside);
            client.Reset();
            return;
        }

        if (!_seats.TryTake("relay"))
        {
            ledger.Refuse(SourceOf(remote), null, "", 0, Refused.TooManyConnections);
            await client.FinishAsync(Answer.Of(503, "Service Unavailable", nameof(Refused.TooManyConnections), "too many relayed connections are open"), time, ct);
            return;
        }

        try
        {
            await RelayAsync(client, remote, ct);
        }
        finally
        {
            _seats.Leave("relay");
        }
    }

    private async Task RelayAsync(Socket client, IPAddress remote, CancellationToken ct)
    {
        using var inbound = new Inbound(client, limits.HeadBytes);
        if (await AskedAsync(inbound, remote, ct) is not { } target)
        {
            return;
        }

        using var deadline = new CancellationTokenSource(limits.ConnectTime, time);
        using var connecting = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        using var upstream = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            upstream.Tune();
            await upstream.ConnectAsync(target, connecting.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            await client.FinishAsync(Answer.Of(502, "Bad Gateway", "Unreachable", $"{target}: {e.Message}"), time, ct);
            return;
        }

        using var tunnel = new Tunnel(client, upstream, time);
        tunnels.Add(tunnel);
        try
        {
            await tunnel.SendAsync(client, Answer.Established);
            await tunnel.SendAsync(upstream, inbound.Pending);
            await tunnel.RunAsync();
        }
        finally
        {
            tunnels.Remove(tunnel);
        }
    }

    /// <summary>Null: answered already.</summary>
    private async Task<IPEndPoint?> AskedAsync(Inbound inbound, IPAddress remote, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(limits.HeadTime, time);
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        var (verdict, head) = await inbound.ReadHeadAsync(limits.HeadBytes, reading.Token);
        if (verdict == HeadVerdict.Gone)
        {
            return null;
        }

        if (head is null || head.Method != "CONNECT" || HostName.ParseAuthority(head.Target) is not { } target)
        {
            ledger.Refuse(SourceOf(remote), null, "", 0, Refused.BadRequest);
            await inbound.Socket.FinishAsync(Answer.Of(400, "Bad Request", nameof(Refused.BadRequest), "the relay takes CONNECT address:port only"), time, ct);
            return null;
        }

        if (!token.Accepts(head.Single("Proxy-Authorization", out var repeated)) || repeated)
        {
            ledger.Refuse(SourceOf(remote), null, target.Host.Text, target.Port, Refused.BadToken);
            var answer = Answer.Of(407, "Proxy Authentication Required", nameof(Refused.BadToken), "the relay wants its token", "Proxy-Authenticate: Bearer\r\n");
            await inbound.Socket.FinishAsync(answer, time, ct);
            return null;
        }

        if (target.Host.Address is not { } address || !IsInner(address))
        {
            ledger.Refuse(SourceOf(remote), null, target.Host.Text, target.Port, Refused.TargetNotInner);
            var answer = Answer.Of(403, "Forbidden", nameof(Refused.TargetNotInner), $"{target.Host} is no address in a closed network linked to this guard");
            await inbound.Socket.FinishAsync(answer, time, ct);
            return null;
        }

        return new IPEndPoint(address, target.Port);
    }

    // A mapped form would compare unequal to our own address and yet lead to it.
    private bool IsInner(IPAddress address) => !address.IsIPv4MappedToIPv6 && (IsInner(networks.Current(), address) || IsInner(networks.Refresh(), address));

    private static bool IsInner(NetworkSnapshot snapshot, IPAddress address) => snapshot.InnerOf(address) is not null && !snapshot.IsOwn(address);

    private string SourceOf(IPAddress remote) => networks.Current().InnerOf(remote)?.Network.ToString() ?? remote.ToString();

    private static int GuardPortOf(Socket client) => ((IPEndPoint)client.LocalEndPoint!).Port;
}
