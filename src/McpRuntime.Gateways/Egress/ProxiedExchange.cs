using System.Net.Sockets;
using System.Text;

namespace McpRuntime.Gateways.Egress;

/// <summary>One allowed connection, from the answer to CONNECT (or the first request) to its end.</summary>
internal sealed class ProxiedExchange(Tunnel tunnel, Inbound inbound, GuardLimits limits, TimeProvider time, Action<Refused> refuse)
{
    private const byte ChangeCipherSpec = 20;
    private const byte TlsHandshake = 22;
    private const int ChangeCipherSpecLength = 6;

    private static readonly ReadOnlyMemory<byte>[] Methods =
        [.. new[] { "GET ", "HEAD ", "POST ", "PUT ", "PATCH ", "DELETE ", "OPTIONS " }.Select(m => (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(m))];

    private readonly TunnelPermit _permit = tunnel.Permit!;
    private bool _isTls;

    public async Task RunAsync(ForwardedRequest? plain, CancellationToken ct)
    {
        if (plain is not null)
        {
            await ForwardAsync(plain, ct);
            return;
        }

        await tunnel.SendAsync(tunnel.Client, Answer.Established);
        if (!_permit.Strict)
        {
            // The server may be the one that speaks first.
            await BothWaysAsync(async () =>
            {
                if (await AdmitAsync(ct, ct))
                {
                    await RestAsync(ct);
                }
            });
            return;
        }

        // Nothing passes, in either direction, before the client has said whom it means.
        using var deadline = new CancellationTokenSource(limits.HeadTime, time);
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        if (await AdmitAsync(reading.Token, ct))
        {
            await BothWaysAsync(() => RestAsync(ct));
        }
    }

    private Task BothWaysAsync(Func<Task> outward)
    {
        return Task.WhenAll(tunnel.PumpAsync(tunnel.Upstream, tunnel.Client), OutwardAsync());

        async Task OutwardAsync()
        {
            try
            {
                await outward();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                tunnel.Cut();
            }
        }
    }

    /// <summary>Looks at the first bytes, and sends them on when they may pass. False: it is over.</summary>
    /// <param name="reading">Bounds the wait for the client's words.</param>
    private async Task<bool> AdmitAsync(CancellationToken reading, CancellationToken ct)
    {
        ClientHello hello;
        while ((hello = ClientHello.Parse(inbound.Pending.Span)).Verdict == HelloVerdict.Incomplete)
        {
            if (inbound.IsFull || !await ReceivedAsync(reading))
            {
                if (inbound.Pending.IsEmpty && !_permit.Strict)
                {
                    tunnel.Upstream.Shutdown(SocketShutdown.Send);
                    return false;
                }

                return await RefuseAsync(reading.IsCancellationRequested ? Refused.HeadTooSlow : Refused.NotTls, ct);
            }
        }

        if (hello.Verdict == HelloVerdict.NotTls && LooksLikeHttp())
        {
            await TunnelledHttpAsync(reading, ct);
            return false;
        }

        if (Judge(hello) is { } reason)
        {
            return await RefuseAsync(reason, ct);
        }

        _isTls = hello.Verdict == HelloVerdict.Complete;
        await PassOnAsync(_isTls ? hello.Length : inbound.Pending.Length);
        return true;
    }

    /// <summary>
    /// A server may answer the first hello by asking for another (HelloRetryRequest), and that one could name another server. It
    /// comes before anything else but a ChangeCipherSpec; behind early data it could hide, which strict policies therefore refuse.
    /// </summary>
    private async Task<bool> AdmitSecondAsync(CancellationToken ct)
    {
        while (true)
        {
            var pending = inbound.Pending;
            if (IsChangeCipherSpec(pending.Span))
            {
                await PassOnAsync(ChangeCipherSpecLength);
                continue;
            }

            if (!CouldBecomeHello(pending.Span))
            {
                return true;
            }

            var hello = ClientHello.Parse(pending.Span);
            if (hello.Verdict != HelloVerdict.Incomplete)
            {
                return Judge(hello) is not { } reason || await RefuseAsync(reason, ct);
            }

            if (inbound.IsFull)
            {
                return await RefuseAsync(Refused.NotTls, ct);
            }

            if (!await ReceivedAsync(ct))
            {
                // The pump meets the same end, behind the bytes that are left.
                return true;
            }
        }
    }

    private static bool IsChangeCipherSpec(ReadOnlySpan<byte> record) =>
        record.Length >= ChangeCipherSpecLength && record[0] == ChangeCipherSpec && record[3] == 0 && record[4] == 1;

    /// <summary>
    /// A plaintext handshake record with a ClientHello inside, or the beginning of one. An encrypted message can have these bytes by
    /// chance only in its length and version at once.
    /// </summary>
    private static bool CouldBecomeHello(ReadOnlySpan<byte> record) =>
        (record.Length < 1 || record[0] == TlsHandshake || (record[0] == ChangeCipherSpec && record.Length < ChangeCipherSpecLength))
        && (record.Length < 6 || record[5] == 1)
        && (record.Length < 11 || (record[3] == 0 && record[4] < 6) || (record[9] == 3 && record[10] == 3));

    private Refused? Judge(ClientHello hello)
    {
        if (hello.Verdict == HelloVerdict.Malformed || (hello.Verdict == HelloVerdict.NotTls && _permit.Strict))
        {
            return Refused.NotTls;
        }

        if (hello.Verdict == HelloVerdict.NotTls)
        {
            return null;
        }

        if (_permit.Strict && hello.Encrypted)
        {
            return Refused.ServerNameEncrypted;
        }

        if (_permit.Strict && hello.EarlyData)
        {
            return Refused.EarlyData;
        }

        if (hello.ServerName is null)
        {
            // RFC 6066 §3 has no server name for an address: a list that names one asked for this.
            return _permit.Strict && _permit.Host.Address is null ? Refused.ServerNameMissing : null;
        }

        return HostName.Parse(hello.ServerName) == _permit.Host ? null : Refused.ServerNameMismatch;
    }

    private async Task<bool> RefuseAsync(Refused reason, CancellationToken ct)
    {
        refuse(reason);
        await tunnel.Client.FinishAsync(Answer.TlsAccessDenied, time, ct);
        tunnel.Cut();
        return false;
    }

    // Strict lists hold for plain text as well; elsewhere port 80 is where HTTP is spoken.
    private bool LooksLikeHttp()
    {
        var start = inbound.Pending.Span;
        foreach (var method in Methods)
        {
            if (start.StartsWith(method.Span[..Math.Min(method.Length, start.Length)]))
            {
                return _permit.Strict || _permit.Port == 80;
            }
        }

        return false;
    }

    private async Task TunnelledHttpAsync(CancellationToken reading, CancellationToken ct)
    {
        RequestHead? head;
        try
        {
            (_, head) = await inbound.ReadHeadAsync(limits.HeadBytes, reading);
        }
        catch (OperationCanceledException)
        {
            await RefuseAsync(Refused.HeadTooSlow, ct);
            return;
        }

        if (head is null || ForwardedRequest.FromOrigin(head, _permit.Host, _permit.Port) is not { } plain)
        {
            refuse(Refused.ServerNameMismatch);
            var words = Answer.Of(403, "Forbidden", nameof(Refused.ServerNameMismatch), $"inside this tunnel only plain requests with Host {_permit.Host} pass");
            await tunnel.Client.FinishAsync(words, time, ct);
            tunnel.Cut();
            return;
        }

        if (_permit.Strict)
        {
            await ForwardAsync(plain, ct);
        }
        else
        {
            // The other direction flows already.
            await SendRequestAsync(plain);
        }
    }

    /// <summary>One request on, its answer back, and the end.</summary>
    private async Task ForwardAsync(ForwardedRequest plain, CancellationToken ct)
    {
        var answering = tunnel.PumpAsync(tunnel.Upstream, tunnel.Client);
        var sending = SendRequestAsync(plain);
        await answering;
        await tunnel.Client.FinishAsync(ReadOnlyMemory<byte>.Empty, time, ct);
        tunnel.Dispose();
        await sending;
    }

    private async Task SendRequestAsync(ForwardedRequest plain)
    {
        try
        {
            await tunnel.SendAsync(tunnel.Upstream, plain.Head);
            while (!plain.Body.IsDone)
            {
                var taken = plain.Body.Take(inbound.Pending.Span);
                await PassOnAsync(taken);
                if (plain.Body.IsBroken || (!plain.Body.IsDone && inbound.Pending.IsEmpty && !await ReceivedAsync(CancellationToken.None)))
                {
                    // Half a body must not look like a whole one.
                    tunnel.Cut();
                    return;
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            tunnel.Cut();
        }
    }

    private async Task RestAsync(CancellationToken ct)
    {
        if (_isTls && !await AdmitSecondAsync(ct))
        {
            return;
        }

        await PassOnAsync(inbound.Pending.Length);
        inbound.Dispose();
        await tunnel.PumpAsync(tunnel.Client, tunnel.Upstream);
    }

    private async ValueTask<bool> ReceivedAsync(CancellationToken ct)
    {
        try
        {
            return await inbound.ReceiveAsync(ct);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task PassOnAsync(int count)
    {
        if (count > 0)
        {
            await tunnel.SendAsync(tunnel.Upstream, inbound.Pending[..count]);
            inbound.Consume(count);
        }
    }
}
