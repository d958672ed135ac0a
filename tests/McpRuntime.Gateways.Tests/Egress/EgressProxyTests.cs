using System.Net;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using McpRuntime.Gateways.Egress;
using static McpRuntime.Gateways.Tests.Egress.GuardUnderTest;

namespace McpRuntime.Gateways.Tests.Egress;

[TestFixture]
internal sealed class EgressProxyTests
{
    [Test]
    public async Task Without_a_policy_nothing_passes_and_the_host_is_told()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var internet = new Upstream(Internet, Upstream.EchoAsync);
        using var client = await guard.ProxyAsync();

        (await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n")).Should().StartWith("HTTP/1.1 403").And.Contain("NoPolicy");

        internet.Accepted.Should().Be(0);
        guard.Names.Asked.Should().Be(0, "a name that is not allowed is not even looked up");
        (await guard.RefusalsAsync()).Should().ContainSingle().Which.Should().Match<McpRuntime.Backends.Docker.Guard.GuardRefusal>(
            r => r.Network == NetworkA && r.Host == "ok.example" && r.Reason == "NoPolicy" && r.Count == 1);
    }

    [Test]
    public async Task Each_network_reaches_its_own_hosts_only()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var internet = new Upstream(Internet, Upstream.EchoAsync);
        await guard.AllowAsync(NetworkA, strict: false, $"ok.example:{internet.Port}");
        await guard.AllowAsync(NetworkB, strict: false, $"other.example:{internet.Port}");

        foreach (var (from, to, host, passes) in new[] { (ServerA, GuardInA, "ok", true), (ServerA, GuardInA, "other", false), (ServerB, GuardInB, "ok", false), (ServerB, GuardInB, "other", true) })
        {
            using var client = await guard.ProxyAsync(from, to);
            (await client.AskAsync($"CONNECT {host}.example:{internet.Port} HTTP/1.1\r\n\r\n")).Should().StartWith(passes ? "HTTP/1.1 200" : "HTTP/1.1 403", $"{from} to {host}");
        }
    }

    [Test]
    public async Task A_neighbours_guard_address_gives_nobody_the_neighbours_policy()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var internet = new Upstream(Internet, Upstream.EchoAsync);
        await guard.AllowAsync(NetworkB, strict: false, $"ok.example:{internet.Port}");
        await guard.AllowAsync(NetworkA, strict: false, $"ok.example:{internet.Port}");
        foreach (var (from, to) in new[] { (ServerA, GuardInB), (ServerB, GuardOutside), (Outsider, GuardInB), (Outsider, GuardOutside) })
        {
            using var client = await guard.ProxyAsync(from, to);
            (await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n")).Should().Contain("NoPolicy", $"{from} to {to}");
        }

        internet.Accepted.Should().Be(0);
    }

    [Test]
    public async Task A_name_is_resolved_once_and_a_second_answer_changes_nothing()
    {
        // The rebinding attack: public while it is checked, private when it would be connected to.
        var names = new FixedNames().With("rebind.example", Internet, "127.0.0.1");
        await using var guard = await GuardUnderTest.StartAsync(names: names);
        using var internet = new Upstream(Internet, Upstream.EchoAsync);
        using var victim = new Upstream("127.0.0.1", Upstream.EchoAsync);
        await guard.AllowAsync(NetworkA, strict: false, $"rebind.example:{internet.Port}", $"rebind.example:{victim.Port}");
        using var client = await guard.ProxyAsync();

        (await client.AskAsync($"CONNECT rebind.example:{internet.Port} HTTP/1.1\r\n\r\n")).Should().StartWith("HTTP/1.1 200");
        names.Asked.Should().Be(1);

        using var again = await guard.ProxyAsync();
        (await again.AskAsync($"CONNECT rebind.example:{victim.Port} HTTP/1.1\r\n\r\n")).Should().Contain("AddressForbidden");
        victim.Accepted.Should().Be(0);
    }

    [TestCase("10.0.0.1")]
    [TestCase("169.254.169.254")]
    [TestCase("::ffff:127.50.0.1")]
    [TestCase("64:ff9b::7f32:1")]
    [TestCase("2002:7f32:1::1")]
    [TestCase(GuardInA)]
    [TestCase(GuardOutside)]
    [TestCase(ServerB)]
    public async Task An_allowed_name_that_resolves_to_a_forbidden_address_is_refused(string address)
    {
        await using var guard = await GuardUnderTest.StartAsync(names: new FixedNames().With("ok.example", address));
        await guard.AllowAsync(NetworkA, strict: false, "ok.example");
        using var client = await guard.ProxyAsync();

        (await client.AskAsync("CONNECT ok.example:443 HTTP/1.1\r\n\r\n")).Should().StartWith("HTTP/1.1 403").And.Contain("AddressForbidden");
    }

    [Test]
    public async Task An_address_on_the_list_is_still_checked()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        await guard.AllowAsync(NetworkA, strict: false, "169.254.169.254", "[::1]");
        foreach (var host in new[] { "169.254.169.254:80", "[::1]:80", "169.254.169.254:443" })
        {
            using var client = await guard.ProxyAsync();
            (await client.AskAsync($"CONNECT {host} HTTP/1.1\r\n\r\n")).Should().Contain("AddressForbidden");
        }
    }

    [Test]
    public async Task Of_several_addresses_only_the_open_ones_are_tried()
    {
        using var internet = new Upstream(Internet, Upstream.EchoAsync);
        await using var guard = await GuardUnderTest.StartAsync(names: new FixedNames().With("ok.example", $"127.0.0.1,{Internet}"));
        await guard.AllowAsync(NetworkA, strict: false, $"ok.example:{internet.Port}");
        using var client = await guard.ProxyAsync();
        (await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n")).Should().StartWith("HTTP/1.1 200");
        internet.Accepted.Should().Be(1);
    }

    [Test]
    public async Task A_real_TLS_client_reaches_its_server_through_a_strict_list()
    {
        using var certificate = SelfSigned("ok.example");
        using var internet = new Upstream(Internet, async peer =>
        {
            await using var tls = new SslStream(new System.Net.Sockets.NetworkStream(peer.Socket));
            await tls.AuthenticateAsServerAsync(certificate);
            var name = Encoding.UTF8.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {tls.TargetHostName.Length}\r\n\r\n{tls.TargetHostName}");
            _ = await tls.ReadAsync(new byte[4096]);
            await tls.WriteAsync(name);
            await tls.ShutdownAsync();
        });
        await using var guard = await GuardUnderTest.StartAsync();
        await guard.AllowAsync(NetworkA, strict: true, $"ok.example:{internet.Port}");
        using var handler = new SocketsHttpHandler
        {
            Proxy = new WebProxy($"http://{GuardInA}:{guard.Host.Proxy.Port}"),
            SslOptions = { RemoteCertificateValidationCallback = (_, shown, _, _) => shown!.GetCertHashString() == certificate.GetCertHashString() },
            ConnectCallback = async (context, ct) =>
                new System.Net.Sockets.NetworkStream((await Peer.ConnectAsync(ServerA, GuardInA, guard.Host.Proxy.Port)).Socket, ownsSocket: true),
        };
        using var http = new HttpClient(handler);

        (await http.GetStringAsync($"https://ok.example:{internet.Port}/")).Should().Be("ok.example");
    }

    [TestCase(true, "ok.example", "")]
    [TestCase(true, "OK.Example", "")]
    [TestCase(true, "other.example", "ServerNameMismatch")]
    [TestCase(true, null, "ServerNameMissing")]
    [TestCase(false, "other.example", "ServerNameMismatch")]
    [TestCase(false, null, "")]
    public async Task The_name_in_the_TLS_hello_must_be_the_tunnels(bool strict, string? serverName, string refused)
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var internet = new Upstream(Internet, Upstream.EchoAsync);
        await guard.AllowAsync(NetworkA, strict, $"ok.example:{internet.Port}");
        using var client = await guard.ProxyAsync();
        await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n");
        var hello = Hellos.For(serverName);

        await client.SendAsync(hello);

        if (refused.Length == 0)
        {
            (await client.ReadAsync(hello.Length)).Should().Equal(hello);
        }
        else
        {
            (await client.ReadToEndAsync()).Text.Should().Be(Encoding.Latin1.GetString(Answer.TlsAccessDenied.Span));
            (await guard.RefusalsAsync()).Should().ContainSingle().Which.Reason.Should().Be(refused);
        }
    }

    [Test]
    public async Task A_strict_list_refuses_encrypted_names_early_data_and_what_is_not_TLS()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var internet = new Upstream(Internet, Upstream.EchoAsync);
        await guard.AllowAsync(NetworkA, strict: true, $"ok.example:{internet.Port}");
        foreach (var (bytes, reason) in new[]
        {
            (Hellos.For("ok.example", (Hellos.EncryptedHello, [0])), "ServerNameEncrypted"),
            (Hellos.For("ok.example", (Hellos.EarlyData, [])), "EarlyData"),
            ("SSH-2.0-x\r\n"u8.ToArray(), "NotTls"),
        })
        {
            using var client = await guard.ProxyAsync();
            await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n");
            await client.SendAsync(bytes);
            (await client.ReadToEndAsync()).Text.Should().Be(Encoding.Latin1.GetString(Answer.TlsAccessDenied.Span));
            (await guard.RefusalsAsync()).Should().Contain(r => r.Reason == reason);
        }
    }

    [Test]
    public async Task A_second_hello_may_not_name_another_server()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var internet = new Upstream(Internet, Upstream.EchoAsync);
        await guard.AllowAsync(NetworkA, strict: true, $"ok.example:{internet.Port}");
        byte[] changeCipher = [20, 3, 3, 0, 1, 1];
        byte[] finished = [22, 3, 3, 0, 40, 1, .. new byte[39]];
        foreach (var (second, passes) in new[] { (Hellos.For("other.example"), false), (Hellos.For("ok.example"), true), (finished, true), (Hellos.Record([9, 9, 9], type: 23), true) })
        {
            using var client = await guard.ProxyAsync();
            await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n");
            byte[] first = [.. Hellos.For("ok.example"), .. changeCipher];
            await client.SendAsync(first);
            (await client.ReadAsync(first.Length)).Should().Equal(first);

            // In two halves: a decision must not depend on how the bytes arrive.
            await client.SendAsync(second.AsMemory(0, 7));
            await client.SendAsync(second.AsMemory(7));

            (await client.ReadAsync(second.Length)).Should().Equal(passes ? second : Answer.TlsAccessDenied.ToArray());
        }
    }

    [Test]
    public async Task Where_the_list_is_not_strict_the_server_may_speak_first()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var internet = new Upstream(Internet, async peer =>
        {
            await peer.SendAsync("220 hello\r\n");
            await Upstream.EchoAsync(peer);
        });
        await guard.AllowAsync(NetworkA, strict: false, $"ok.example:{internet.Port}");
        using var client = await guard.ProxyAsync();
        await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n");

        Encoding.ASCII.GetString(await client.ReadAsync(11)).Should().Be("220 hello\r\n");
        await client.SendAsync("EHLO");
        Encoding.ASCII.GetString(await client.ReadAsync(4)).Should().Be("EHLO");
    }

    [TestCase("GET http://ok.example:{0}/p?q HTTP/1.1\r\nHost: forged.example\r\n\r\n", "GET /p?q HTTP/1.1\r\nHost: ok.example:{0}\r\nConnection: close\r\n\r\n")]
    [TestCase("POST http://ok.example:{0}/p HTTP/1.1\r\nContent-Length: 4\r\n\r\nbodyGET /x HTTP/1.1\r\nHost: other.example\r\n\r\n", "POST /p HTTP/1.1\r\nHost: ok.example:{0}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody")]
    [TestCase("POST http://ok.example:{0}/p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n", "POST /p HTTP/1.1\r\nHost: ok.example:{0}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nab\r\n0\r\n\r\n")]
    public async Task A_plain_request_passes_alone_whatever_rides_behind_it(string request, string arrives)
    {
        var got = new TaskCompletionSource<string>();
        using var internet = new Upstream(Internet, async peer =>
        {
            var text = await peer.ReadHeadAsync();
            text += arrives.Contains("chunked", StringComparison.Ordinal) ? await peer.ReadHeadAsync() : arrives.Contains("body", StringComparison.Ordinal) ? Encoding.ASCII.GetString(await peer.ReadAsync(4)) : "";
            await peer.SendAsync("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nanswer");
            peer.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
            got.SetResult(text + (await peer.ReadToEndAsync()).Text);
        });
        await using var guard = await GuardUnderTest.StartAsync();
        await guard.AllowAsync(NetworkA, strict: true, $"ok.example:{internet.Port}");
        using var client = await guard.ProxyAsync();

        await client.SendAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, request, internet.Port));

        (await client.ReadToEndAsync()).Text.Should().EndWith("answer");
        (await got.Task.WaitAsync(TimeSpan.FromSeconds(10))).Should().Be(string.Format(System.Globalization.CultureInfo.InvariantCulture, arrives, internet.Port));
    }

    [TestCase("ok.example", "HTTP/1.1 200")]
    [TestCase("other.example", "HTTP/1.1 403")]
    public async Task Plain_HTTP_inside_a_strict_tunnel_passes_with_the_tunnels_host_only(string host, string answer)
    {
        using var internet = new Upstream(Internet, async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        });
        await using var guard = await GuardUnderTest.StartAsync();
        await guard.AllowAsync(NetworkA, strict: true, $"ok.example:{internet.Port}");
        using var client = await guard.ProxyAsync();
        await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n");

        (await client.AskAsync($"GET / HTTP/1.1\r\nHost: {host}:{internet.Port}\r\n\r\n")).Should().StartWith(answer);
    }

    [TestCase("GARBAGE\r\n\r\n")]
    [TestCase("GET / HTTP/1.1\r\nHost: ok.example\r\n\r\n")]
    [TestCase("CONNECT ok.example HTTP/1.1\r\n\r\n")]
    [TestCase("CONNECT http://ok.example:443 HTTP/1.1\r\n\r\n")]
    [TestCase("CONNECT 2130706433:443 HTTP/1.1\r\n\r\n")]
    [TestCase("CONNECT ok.example:443\r\nHost: x HTTP/1.1\r\n\r\n")]
    public async Task What_is_no_request_for_a_proxy_is_answered_with_400(string request)
    {
        await using var guard = await GuardUnderTest.StartAsync();
        await guard.AllowAsync(NetworkA, strict: false, "ok.example");
        using var client = await guard.ProxyAsync();
        (await client.AskAsync(request)).Should().StartWith("HTTP/1.1 400");
    }

    [Test]
    public async Task A_head_that_is_too_long_or_too_slow_is_given_up()
    {
        await using var guard = await GuardUnderTest.StartAsync(new GuardLimits { HeadTime = TimeSpan.FromMilliseconds(200), HeadBytes = 1024 });
        using var slow = await guard.ProxyAsync();
        await slow.SendAsync("CONNECT ok.ex");
        (await slow.ReadHeadAsync()).Should().StartWith("HTTP/1.1 408");
        using var large = await guard.ProxyAsync();
        (await large.AskAsync($"CONNECT ok.example:443 HTTP/1.1\r\nX: {new string('x', 1024)}\r\n\r\n")).Should().StartWith("HTTP/1.1 400");
        (await guard.RefusalsAsync()).Select(r => r.Reason).Should().Contain(["HeadTooSlow", "BadRequest"]);
    }

    [Test]
    public async Task One_network_can_take_its_own_seats_only()
    {
        await using var guard = await GuardUnderTest.StartAsync(new GuardLimits { ConnectionsPerNetwork = 3 });
        using var internet = new Upstream(Internet, Upstream.EchoAsync);
        await guard.AllowAsync(NetworkA, strict: false, $"ok.example:{internet.Port}");
        await guard.AllowAsync(NetworkB, strict: false, $"ok.example:{internet.Port}");
        var request = $"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n";
        List<Peer> held = [];
        for (var i = 0; i < 3; i++)
        {
            held.Add(await guard.ProxyAsync());
            (await held[^1].AskAsync(request)).Should().StartWith("HTTP/1.1 200");
        }

        using var fourth = await guard.ProxyAsync();
        (await fourth.AskAsync(request)).Should().StartWith("HTTP/1.1 503");
        using var neighbour = await guard.ProxyAsync(ServerB, GuardInB);
        (await neighbour.AskAsync(request)).Should().StartWith("HTTP/1.1 200");

        held.ForEach(p => p.Dispose());
        await Eventually.TrueAsync(() => guard.Host.Tunnels.Proxied == 1);
        using var later = await guard.ProxyAsync();
        (await later.AskAsync(request)).Should().StartWith("HTTP/1.1 200");
    }

    [Test]
    public async Task A_network_that_asks_for_slow_names_keeps_nobody_else_waiting()
    {
        var answer = new TaskCompletionSource<IReadOnlyList<IPAddress>>();
        var names = NSubstitute.Substitute.For<INameResolver>();
        NSubstitute.SubstituteExtensions.Returns(names.ResolveAsync("slow.example", NSubstitute.Arg.Any<CancellationToken>()), answer.Task);
        NSubstitute.SubstituteExtensions.Returns(names.ResolveAsync("quick.example", NSubstitute.Arg.Any<CancellationToken>()), Task.FromResult<IReadOnlyList<IPAddress>>([IPAddress.Parse(Internet)]));
        using var fair = new FairNames(names, total: 8, perNetwork: 4);
        using var giveUp = new CancellationTokenSource();
        Task<IReadOnlyList<IPAddress>>[] slow = [.. Enumerable.Range(0, 100).Select(_ => fair.ResolveAsync(NetworkA, "slow.example", giveUp.Token))];

        (await fair.ResolveAsync(NetworkB, "quick.example", CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(5))).Should().ContainSingle();

        await giveUp.CancelAsync();
        await Eventually.TrueAsync(() => slow.All(t => t.IsCanceled));
        var next = fair.ResolveAsync(NetworkA, "quick.example", CancellationToken.None);
        next.IsCompleted.Should().BeFalse("the four that were begun still hold their places");
        answer.SetResult([]);
        (await next.WaitAsync(TimeSpan.FromSeconds(5))).Should().ContainSingle();
    }

    [Test]
    public async Task A_connection_on_which_nothing_moves_is_ended()
    {
        await using var guard = await GuardUnderTest.StartAsync(new GuardLimits { IdleTime = TimeSpan.FromMilliseconds(300) });
        using var internet = new Upstream(Internet, Upstream.EchoAsync);
        await guard.AllowAsync(NetworkA, strict: false, $"ok.example:{internet.Port}");
        using var client = await guard.ProxyAsync();
        await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n");
        (await client.ReadToEndAsync()).Reset.Should().BeTrue();
    }

    [TestCase("delete")]
    [TestCase("narrow")]
    [TestCase("stricter")]
    public async Task Tightening_a_policy_cuts_what_it_no_longer_allows_and_nothing_else(string how)
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var internet = new Upstream(Internet, Upstream.EchoAsync);
        await guard.AllowAsync(NetworkA, strict: false, $"ok.example:{internet.Port}");
        await guard.AllowAsync(NetworkB, strict: false, $"ok.example:{internet.Port}");
        using var client = await guard.ProxyAsync();
        using var neighbour = await guard.ProxyAsync(ServerB, GuardInB);
        await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n");
        await neighbour.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n");
        await guard.AllowAsync(NetworkA, strict: false, $"ok.example:{internet.Port}", "more.example");
        await client.SendAsync("still open");
        (await client.ReadAsync(10)).Should().HaveCount(10);

        switch (how)
        {
            case "delete":
                (await guard.Control.DeleteAsync("/policies/net-127.1.0.0-28")).StatusCode.Should().Be(HttpStatusCode.NoContent);
                break;
            case "narrow":
                await guard.AllowAsync(NetworkA, strict: false, "more.example");
                break;
            default:
                await guard.AllowAsync(NetworkA, strict: true, $"ok.example:{internet.Port}");
                break;
        }

        (await client.ReadToEndAsync()).Reset.Should().BeTrue();
        await neighbour.SendAsync("ping");
        (await neighbour.ReadAsync(4)).Should().HaveCount(4);
    }

    [Test]
    public async Task A_cut_stream_never_looks_like_a_finished_one()
    {
        using var internet = new Upstream(Internet, async peer =>
        {
            await peer.ReadAsync(2);
            await peer.SendAsync("half");
            peer.Socket.LingerState = new System.Net.Sockets.LingerOption(true, 0);
            peer.Socket.Close();
        });
        await using var guard = await GuardUnderTest.StartAsync();
        await guard.AllowAsync(NetworkA, strict: false, $"ok.example:{internet.Port}");
        using var client = await guard.ProxyAsync();
        (await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n")).Should().StartWith("HTTP/1.1 200");
        await client.SendAsync("go");
        (await client.ReadToEndAsync()).Reset.Should().BeTrue();
    }

    private static X509Certificate2 SelfSigned(string name)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var made = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }
}

internal static class Eventually
{
    public static async Task TrueAsync(Func<bool> condition)
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        while (!condition())
        {
            started.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(10), "it should have come true by then");
            await Task.Delay(TimeSpan.FromMilliseconds(10));
        }
    }
}
