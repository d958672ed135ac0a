using System.Net;
using System.Net.Http.Json;
using McpRuntime.Backends;
using McpRuntime.Core.Planning;

namespace McpRuntime.Server.Tests.Rest;

/// <summary>What the API shows of backends: health, logs, volumes, what they hold of a profile.</summary>
internal sealed class BackendApiTests
{
    private TestService _service = null!;

    private HttpClient Admin => _service.Admin;

    [OneTimeSetUp]
    public async Task StartAsync() => _service = await TestService.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [Test]
    public async Task Logs_come_in_order_with_the_runtimes_secrets_taken_out()
    {
        const string Secret = "hunter2-hunter2";
        await _service.DeployAsync("chatty", new { environment = new { TOKEN = Secret, FLAG = "on" } });
        _service.Backend.Written.Clear();
        _service.Backend.Written.AddRange(
        [
            new LogLine(DateTimeOffset.UnixEpoch, LogStream.Stdout, null, "starting, token=" + Secret),
            new LogLine(DateTimeOffset.UnixEpoch.AddSeconds(1), LogStream.Stderr, null, "FLAG is on"),
        ]);

        var logs = await Admin.GetAsync("/runtimes/chatty/logs", HttpStatusCode.OK);
        var stamped = await Admin.GetAsync("/runtimes/chatty/logs?timestamps=true&stream=stderr", HttpStatusCode.OK);

        logs.Text("backend").Should().Be("docker");
        logs.GetProperty("logs").EnumerateArray().Select(line => line.GetString()).Should().Equal("starting, token=***", "FLAG is on");
        stamped.GetProperty("logs").EnumerateArray().Single().GetString().Should().Be("1970-01-01T00:00:01.0000000Z FLAG is on");
    }

    [Test]
    public async Task A_followed_log_arrives_while_it_is_written()
    {
        await _service.DeployAsync("followed");
        _service.Backend.Written.Clear();
        _service.Backend.Written.Add(new LogLine(DateTimeOffset.UnixEpoch, LogStream.Stdout, null, "first"));

        using var response = await Admin.GetAsync("/runtimes/followed/logs?follow=true", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());

        response.Content.Headers.ContentType!.MediaType.Should().Be("text/event-stream");
        (await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(10))).Should().Be("data: first");
    }

    [Test]
    public async Task A_log_that_is_followed_while_a_new_secret_is_deployed_does_not_show_it()
    {
        const string First = "first-secret-value";
        const string Second = "second-secret-value";
        await using var service = await TestService.StartAsync();
        await service.DeployAsync("rotated", new { environment = new { TOKEN = First } });
        using var response = await service.Admin.GetAsync("/runtimes/rotated/logs?follow=true", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        async Task<string?> ShownAsync(string text)
        {
            await service.Backend.Following.Writer.WriteAsync(new LogLine(DateTimeOffset.UnixEpoch, LogStream.Stdout, null, text));
            string? line;
            do
            {
                line = await reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(10));
            }
            while (line?.StartsWith("data: ", StringComparison.Ordinal) == false);
            return line;
        }

        (await ShownAsync($"token={First}")).Should().Be("data: token=***");
        using var put = await service.Admin.PutAsJsonAsync("/runtimes/rotated", new { source = new { type = "docker", image = "docker.io/library/echo:1" }, environment = new { TOKEN = Second } });
        await put.JsonAsync(HttpStatusCode.OK);

        // The engine has started the new container by then; in memory nothing takes time.
        await Eventually.HoldsAsync(async () => await ShownAsync($"was {First}, is {Second}") == "data: was ***, is ***");
        (await ShownAsync($"is {Second}")).Should().Be("data: is ***");
    }

    [Test]
    public async Task A_backend_that_is_away_is_503_with_retry_after_and_its_own_words()
    {
        await _service.DeployAsync("unlucky");
        _service.Backend.Away = new Fault(FaultKind.Transient, "EngineUnreachable", "connection refused");
        try
        {
            using var response = await Admin.GetAsync("/runtimes/unlucky/logs");

            (await response.JsonAsync(HttpStatusCode.ServiceUnavailable)).Text("detail").Should().Contain("connection refused");
            response.Headers.RetryAfter!.Delta.Should().BePositive();
            (await Admin.GetAsync("/runtimes/backends", HttpStatusCode.OK)).GetProperty("backends")[0].GetProperty("health").GetProperty("reachable").GetBoolean().Should().BeFalse();
            await Admin.GetAsync("/readyz", HttpStatusCode.OK);
        }
        finally
        {
            _service.Backend.Away = null;
        }
    }

    [Test]
    public async Task A_backend_that_hangs_is_shown_as_unreachable_within_seconds()
    {
        _service.Backend.Hangs = true;
        try
        {
            var backend = (await Admin.GetAsync("/runtimes/backends", HttpStatusCode.OK).WaitAsync(TimeSpan.FromSeconds(10))).GetProperty("backends")[0];

            backend.Text("name").Should().Be("docker");
            backend.GetProperty("health").GetProperty("reachable").GetBoolean().Should().BeFalse();
            backend.GetProperty("capabilities").GetProperty("supports_readonly_fs").GetBoolean().Should().BeTrue();
        }
        finally
        {
            _service.Backend.Hangs = false;
        }
    }

    [Test]
    public async Task A_kept_volume_is_deleted_by_who_may_change_its_runtime_alone()
    {
        var id = (await _service.DeployAsync("of-red", new { team_id = "red", visibility = "public" })).Text("id");
        using var gone = await Admin.DeleteAsync($"/runtimes/{id}?keep_volumes=true");
        await Eventually.HoldsAsync(async () => (await Admin.GetAsync("/runtimes/" + id, HttpStatusCode.OK)).Text("status") == "deleted");
        _service.Backend.Volumes["vol-red"] = new OwnedVolume("vol-red", id, "/data", 5, null);
        using var blue = await _service.ClientAsync("bob", "operator", "blue");
        using var red = await _service.ClientAsync("rita", "operator", "red");

        using var refused = await blue.DeleteAsync("/runtimes/volumes/vol-red");
        _service.Backend.Volumes.Keys.Should().Contain("vol-red");
        using var done = await red.DeleteAsync("/runtimes/volumes/vol-red");

        (await refused.JsonAsync(HttpStatusCode.Forbidden)).Text("detail").Should().Contain("red");
        done.StatusCode.Should().Be(HttpStatusCode.NoContent);
        _service.Backend.Volumes.Keys.Should().NotContain("vol-red");
    }

    [Test]
    public async Task A_volume_is_listed_and_deleted_only_once_its_runtime_is_gone()
    {
        var id = (await _service.DeployAsync("voluminous")).Text("id");
        _service.Backend.Volumes["vol-live"] = new OwnedVolume("vol-live", id, "/data", 5, null);
        _service.Backend.Volumes["vol-kept"] = new OwnedVolume("vol-kept", "01purgedpurgedpurgedpurged", "/data", null, null);

        var volumes = (await Admin.GetAsync("/runtimes/volumes", HttpStatusCode.OK)).GetProperty("volumes").EnumerateArray().ToDictionary(volume => volume.Text("id"), StringComparer.Ordinal);
        using var live = await Admin.DeleteAsync("/runtimes/volumes/vol-live");
        using var kept = await Admin.DeleteAsync("/runtimes/volumes/vol-kept");
        using var absent = await Admin.DeleteAsync("/runtimes/volumes/vol-kept");

        volumes["vol-live"].GetProperty("in_use").GetBoolean().Should().BeTrue();
        volumes["vol-kept"].GetProperty("in_use").GetBoolean().Should().BeFalse();
        (await live.JsonAsync(HttpStatusCode.Conflict)).Text("detail").Should().Contain("voluminous");
        kept.StatusCode.Should().Be(HttpStatusCode.NoContent);
        absent.StatusCode.Should().Be(HttpStatusCode.NotFound);
        _service.Backend.Volumes.Keys.Should().Contain("vol-live").And.NotContain("vol-kept");
    }

    [Test]
    public async Task Profiles_are_a_bare_array_with_the_built_ins_first()
    {
        var profiles = await Admin.GetAsync("/runtimes/guardrails", HttpStatusCode.OK);

        profiles.EnumerateArray().Take(4).Select(profile => profile.Text("name")).Should().Equal("unrestricted", "standard", "restricted", "airgapped");
        (await Admin.GetAsync("/runtimes/guardrails/standard", HttpStatusCode.OK)).GetProperty("config").GetProperty("filesystem").GetProperty("read_only_root").GetBoolean().Should().BeTrue();
        await Admin.GetAsync("/runtimes/guardrails/none", HttpStatusCode.NotFound);
    }

    [Test]
    public async Task Compatibility_names_each_field_that_is_not_held()
    {
        var standard = await Admin.GetAsync("/runtimes/guardrails/standard/compatibility?backend=docker", HttpStatusCode.OK);
        var unrestricted = await Admin.GetAsync("/runtimes/guardrails/unrestricted/compatibility", HttpStatusCode.OK);

        standard.GetProperty("compatible").GetBoolean().Should().BeFalse();
        standard.GetProperty("warnings")[0].Text("field").Should().Be("resources.max_pids");
        unrestricted.GetProperty("compatible").GetBoolean().Should().BeTrue();
        await Admin.GetAsync("/runtimes/guardrails/standard/compatibility?backend=kubernetes", HttpStatusCode.UnprocessableEntity);
    }
}
