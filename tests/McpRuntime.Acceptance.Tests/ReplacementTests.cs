using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>Clients that go on calling while everything under them is replaced.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class ReplacementTests
{
    private const string Name = "replaced";
    private const int Clients = 40;
    private const int CallsEach = 25;

    /// <summary>Longer than any answer may take while things are being replaced; what is open after this hangs.</summary>
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(60);

    [Test]
    public async Task A_thousand_calls_under_ten_kills_two_updates_and_a_restart_hang_nowhere_and_execute_nothing_twice()
    {
        await using var service = await Service.StartAsync();
        var id = (await service.Api.DeployAsync(Request("one"))).Id;
        await service.Api.UntilAsync(id, shown => shown.IsCurrent, "it serves");
        var ledger = new Ledger();
        var calling = Enumerable.Range(0, Clients).Select(number => CallAsync(service, ledger, number)).ToList();

        await KillAsync(service, id, 4);
        await UpdateAsync(service, id, "two");
        await KillAsync(service, id, 3);
        await service.KillAsync();
        await service.StartAgainAsync();
        await UpdateAsync(service, id, "three");
        await KillAsync(service, id, 3);
        ledger.Finish();
        await Task.WhenAll(calling).WaitAsync(Hang, TimeProvider.System);

        await service.Api.UntilAsync(id, shown => shown.IsCurrent, "it serves");
        var marks = (await McpClients.CallAsync(service.Api.Mcp(Name), service.Api.Token, "marks")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        TestContext.Out.WriteLine($"{ledger}; {marks.Length} executed, {ledger.Answered.Count} of them answered");
        marks.Should().OnlyHaveUniqueItems("nothing is executed twice");
        ledger.Answered.Should().BeSubsetOf(marks, "what was answered was executed");
        marks.Should().BeSubsetOf(ledger.Sent);
        ledger.Sent.Count.Should().BeGreaterThanOrEqualTo(Clients * CallsEach);
        ledger.Unclear.Should().BeEmpty("whoever failed was told so in JSON-RPC, or was cut with the process that it talked to");
        ledger.Reinitialized.Should().BeGreaterThan(0, "clients that initialize again on a 404 go on");
        ledger.WentOnAtTheEnd.Should().Be(Clients);
    }

    private static JsonObject Request(string round)
    {
        var request = Requests.FromCatalog(Name, environment: [("ROUND", round), ("MARKS_FILE", "/data/marks")]);
        request["volumes"] = new JsonArray("/data");
        return request;
    }

    private static async Task KillAsync(Service service, string id, int times)
    {
        for (var time = 0; time < times; time++)
        {
            var container = await Engine.Local.TheContainerAsync(id);
            await Engine.Local.KillContainerAsync(container["Id"]!.GetValue<string>());
            var started = container["State"]!["StartedAt"]!.GetValue<string>();
            await Eventually.TrueAsync(
                async () => await Engine.Local.OfRecordAsync(id) is [_] && await Engine.Local.TheContainerAsync(id) is var now && now["State"]!["Running"]!.GetValue<bool>() && now["State"]!["StartedAt"]!.GetValue<string>() != started,
                TimeSpan.FromSeconds(90),
                "the container runs again");
            await service.Api.UntilAsync(id, shown => shown.IsCurrent && shown.Is("Verified"), "it serves again");
        }
    }

    private static async Task UpdateAsync(Service service, string id, string round)
    {
        (await service.Api.SendAsync(HttpMethod.Put, $"/runtimes/{id}", Request(round))).Expect(HttpStatusCode.OK);
        await service.Api.UntilAsync(id, shown => shown.IsCurrent, $"round {round} serves");
    }

    /// <summary>As the SDKs do: a session; on a 404 another one. At least so many calls, and on until all that was planned has happened.</summary>
    private static async Task CallAsync(Service service, Ledger ledger, int number)
    {
        using var http = new HttpClient { Timeout = Hang };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", service.Api.Token);
        string? session = null;
        for (var call = 0; call < CallsEach || !ledger.IsFinished; call++)
        {
            session ??= await OpenAsync(http, service, ledger);
            if (session is null)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
                continue;
            }

            session = await MarkAsync(http, service, ledger, session, string.Create(CultureInfo.InvariantCulture, $"{number}-{call}")) ? session : null;
        }

        // And one more, when all is quiet: everybody is served again.
        var watch = Stopwatch.StartNew();
        for (var last = 0; watch.Elapsed < Hang; last++)
        {
            session ??= await OpenAsync(http, service, ledger);
            var mark = string.Create(CultureInfo.InvariantCulture, $"{number}-last-{last}");
            if (session is not null && await MarkAsync(http, service, ledger, session, mark) && ledger.Answered.Contains(mark))
            {
                ledger.WentOn();
                return;
            }

            session = null;
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        }
    }

    private static async Task<string?> OpenAsync(HttpClient http, Service service, Ledger ledger)
    {
        const string Initialize = """{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"replacement","version":"1"}}}""";
        try
        {
            using var answer = await PostAsync(http, service, Initialize, null);
            await answer.Content.ReadAsStringAsync();
            if (!answer.IsSuccessStatusCode || !answer.Headers.TryGetValues("Mcp-Session-Id", out var ids))
            {
                return null;
            }

            ledger.Opened();
            return ids.Single();
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    /// <returns>Whether the session may be gone on with.</returns>
    private static async Task<bool> MarkAsync(HttpClient http, Service service, Ledger ledger, string session, string mark)
    {
        ledger.Sent.Add(mark);
        var message = $$$"""{"jsonrpc":"2.0","id":"{{{mark}}}","method":"tools/call","params":{"name":"mark","arguments":{"mark":"{{{mark}}}","milliseconds":20} } }""";
        try
        {
            using var answer = await PostAsync(http, service, message, session);
            var text = await answer.Content.ReadAsStringAsync();
            ledger.Take(mark, answer.StatusCode, Data(text));
            return answer.StatusCode != HttpStatusCode.NotFound;
        }
        catch (Exception cut) when (cut is HttpRequestException or IOException)
        {
            // The gateway's own process was killed under it; only then.
            ledger.Cut(mark, cut.Message);
            return true;
        }
    }

    private static Task<HttpResponseMessage> PostAsync(HttpClient http, Service service, string body, string? session)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, service.Api.Mcp(Name)) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        if (session is not null)
        {
            request.Headers.Add("Mcp-Session-Id", session);
            request.Headers.Add("MCP-Protocol-Version", "2025-11-25");
        }

        return http.SendAsync(request);
    }

    /// <summary>The message: the body, or the last event's data.</summary>
    private static string Data(string text) =>
        text.Split('\n').LastOrDefault(line => line.StartsWith("data:", StringComparison.Ordinal) && line.Length > 6)?["data:".Length..].Trim() ?? text;

    private sealed class Ledger
    {
        private readonly ConcurrentDictionary<string, int> _outcomes = new(StringComparer.Ordinal);
        private int _opened;
        private int _wentOn;
        private volatile bool _finished;

        public ConcurrentBag<string> Sent { get; } = [];

        public ConcurrentBag<string> Answered { get; } = [];

        public ConcurrentBag<string> Unclear { get; } = [];

        public bool IsFinished => _finished;

        public int Reinitialized => _opened - Clients;

        public int WentOnAtTheEnd => _wentOn;

        public void Finish() => _finished = true;

        public void Opened() => Interlocked.Increment(ref _opened);

        public void WentOn() => Interlocked.Increment(ref _wentOn);

        public void Take(string mark, HttpStatusCode status, string data)
        {
            var message = TryParse(data);
            if (message?["result"] is { } result && result["isError"]?.GetValue<bool>() != true)
            {
                Answered.Add(mark);
                Count("answered");
            }
            else if (message?["error"]?["message"]?.GetValue<string>() is { } words)
            {
                Count($"{(int)status} {string.Join(' ', words.Split(' ').Take(5))}");
            }
            else
            {
                Unclear.Add($"{mark}: {(int)status} {data}");
            }
        }

        public void Cut(string mark, string words)
        {
            Count($"cut: {string.Join(' ', words.Split(' ').Take(4))}");
            _ = mark;
        }

        public override string ToString() => $"{Sent.Count} calls, {_opened} sessions; {string.Join("; ", _outcomes.OrderByDescending(pair => pair.Value).Select(pair => $"{pair.Value} × {pair.Key}"))}";

        private void Count(string what) => _outcomes.AddOrUpdate(what, 1, (_, count) => count + 1);

        private static JsonNode? TryParse(string text)
        {
            try
            {
                return JsonNode.Parse(text);
            }
            catch (System.Text.Json.JsonException)
            {
                return null;
            }
        }
    }
}
