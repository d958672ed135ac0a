using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace McpRuntime.CodeEngineDouble;

/// <summary>The HTTP side: IAM, the API, the two log routes, and <c>/_double</c> for the test. One request at a time, but for what is slow on purpose.</summary>
internal sealed class Surface(DoubleProject project, Iam iam, LogRoutes logs) : IDisposable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    private readonly SemaphoreSlim _one = new(1);
    private readonly List<Called> _calls = [];
    private readonly List<(Trouble Trouble, int Seen)> _troubles = [];

    public void Dispose() => _one.Dispose();

    public async Task AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "/";
        http.Response.Headers["X-Request-Id"] = Guid.NewGuid().ToString();
        if (path.StartsWith("/_double/", StringComparison.Ordinal))
        {
            await ControlAsync(http, path["/_double/".Length..]);
            return;
        }

        if (LogRoutes.IsFollowed(http.Request))
        {
            await FollowAsync(http);
            return;
        }

        var below = Below(path);
        var trouble = await TroubleAsync(path == "/identity/token" ? "IAM" : $"{http.Request.Method} {below}");
        if (trouble is { Kind: "slow" })
        {
            await Task.Delay(TimeSpan.FromSeconds(trouble.Seconds), TimeProvider.System, http.RequestAborted);
        }

        if (trouble is { Kind: not ("slow" or "truncated" or "reset-after" or "500-after") })
        {
            await BreakAsync(http, trouble);
            await CountAsync(http, below, http.Response.StatusCode);
            return;
        }

        var (status, body, headers) = await WorkAsync(http, path, below);
        await CountAsync(http, below, status);
        if (trouble is { Kind: "reset-after" or "500-after" })
        {
            await BreakAsync(http, trouble with { Kind = trouble.Kind[..trouble.Kind.IndexOf('-', StringComparison.Ordinal)] });
            return;
        }

        await WriteAsync(http, status, body, headers, cut: trouble is { Kind: "truncated" });
    }

    private async Task<(int Status, JsonNode? Body, (string, string)[] Headers)> WorkAsync(HttpContext http, string path, string below)
    {
        var form = path == "/identity/token" && http.Request.HasFormContentType ? await http.Request.ReadFormAsync() : null;
        var body = form is null && http.Request.ContentLength > 0 ? await ReadAsync(http) : null;
        await _one.WaitAsync();
        try
        {
            if (path == "/identity/token")
            {
                var (status, reply) = form is null ? (400, new JsonObject { ["errorCode"] = "BXNIM0109E" }) : iam.Ask(form);
                return (status, reply, []);
            }

            if (!iam.Knows(http.Request.Headers.Authorization) && !path.StartsWith("/api/v1/namespaces/", StringComparison.Ordinal))
            {
                throw new Refused(401, "unauthorized", "The token is missing, unknown or expired.");
            }

            if (path.StartsWith("/api/v1/", StringComparison.Ordinal))
            {
                return (200, logs.Kube(http.Request), []);
            }

            if (path == "/v1/query")
            {
                return (200, logs.Cloud(http.Request, body), []);
            }

            CheckCommon(http, path);
            return Api.Answer(project, http.Request, below, body);
        }
        catch (Refused refused)
        {
            return (refused.Status, Error(refused.Status, refused.Code, refused.Message), []);
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Lines as they come, until the reader goes or the instance does.</summary>
    private async Task FollowAsync(HttpContext http)
    {
        var told = 0;
        while (!http.RequestAborted.IsCancellationRequested)
        {
            IReadOnlyList<string> lines;
            await _one.WaitAsync();
            try
            {
                lines = logs.LinesOf(http.Request);
            }
            catch (Refused refused)
            {
                if (!http.Response.HasStarted)
                {
                    http.Response.StatusCode = refused.Status;
                }

                return;
            }
            finally
            {
                _one.Release();
            }

            await http.Response.WriteAsync(string.Concat(lines.Skip(told).Select(l => l + "\n")));
            await http.Response.Body.FlushAsync();
            told = lines.Count;
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }

    private void CheckCommon(HttpContext http, string path)
    {
        var version = http.Request.Query["version"].ToString();
        if ((version.Length > 0 || project.Switches.VersionRequired) && !DateOnly.TryParseExact(version, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
        {
            throw new Refused(400, "bad_version", "The query parameter version must be a date.");
        }

        if (!path.StartsWith($"/v2/projects/{project.Id}", StringComparison.Ordinal))
        {
            throw DoubleProject.NotFound();
        }
    }

    // Faults

    private async Task<Trouble?> TroubleAsync(string call)
    {
        await _one.WaitAsync();
        try
        {
            for (var i = 0; i < _troubles.Count; i++)
            {
                var (trouble, seen) = _troubles[i];
                if (!IsFor(trouble, call))
                {
                    continue;
                }

                _troubles[i] = (trouble, seen + 1);
                if (seen >= trouble.Skip && seen < trouble.Skip + trouble.Times)
                {
                    return trouble;
                }
            }

            return null;
        }
        finally
        {
            _one.Release();
        }
    }

    private static bool IsFor(Trouble trouble, string call) => trouble.Call switch
    {
        "*" => true,
        "writes" => call != "IAM" && !call.StartsWith("GET ", StringComparison.Ordinal),
        _ => call.StartsWith(trouble.Call, StringComparison.Ordinal),
    };

    private static async Task BreakAsync(HttpContext http, Trouble trouble)
    {
        var response = http.Response;
        switch (trouble.Kind)
        {
            case "reset":
                http.Abort();
                return;
            case "502-html":
                response.StatusCode = 502;
                response.ContentType = "text/html";
                await response.WriteAsync("<html><body><h1>502 Bad Gateway</h1></body></html>");
                return;
            case "429":
                response.Headers.RetryAfter = trouble.Seconds.ToString(CultureInfo.InvariantCulture);
                break;
            case "429-date":
                response.Headers.RetryAfter = TimeProvider.System.GetUtcNow().AddSeconds(trouble.Seconds).ToString("R", CultureInfo.InvariantCulture);
                break;
            case "400-echo":
                await WriteAsync(http, 400, Error(400, "bad_request", "This is not understood: " + await TextAsync(http)), [], cut: false);
                return;
            case "502-echo":
                response.StatusCode = 502;
                await response.WriteAsync("The proxy could not pass on " + await TextAsync(http));
                return;
            default:
                break;
        }

        var status = int.Parse(trouble.Kind.AsSpan(0, 3), CultureInfo.InvariantCulture);
        await WriteAsync(http, status, Error(status, "scripted", "This was asked for by the test."), [], cut: false);
    }

    private async Task CountAsync(HttpContext http, string below, int status)
    {
        await _one.WaitAsync();
        var headers = http.Request.Headers.Where(h => h.Key != "Authorization").ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.Ordinal);
        _calls.Add(new Called(http.Request.Method, below, status, http.Request.QueryString.Value ?? "", headers));
        _one.Release();
    }

    // The test's own door

    private async Task ControlAsync(HttpContext http, string what)
    {
        var body = http.Request.ContentLength > 0 ? await ReadAsync(http) : null;
        await _one.WaitAsync();
        try
        {
            await WriteAsync(http, 200, Control(http.Request.Method, what.Split('/'), body), [], cut: false);
        }
        catch (Refused refused)
        {
            await WriteAsync(http, refused.Status, Error(refused.Status, refused.Code, refused.Message), [], cut: false);
        }
        finally
        {
            _one.Release();
        }
    }

    private JsonNode? Control(string method, string[] what, JsonObject? body)
    {
        switch (what)
        {
            case ["switches"]:
                project.Switches = body.Deserialize<Switches>(Json)!;
                return null;
            case ["scripts"]:
                project.Scripts.Add(body.Deserialize<Script>(Json)!);
                return null;
            case ["troubles"] when method == "DELETE":
                _troubles.Clear();
                return null;
            case ["troubles"] when method == "GET":
                return JsonValue.Create(_troubles.Sum(t => Math.Clamp(t.Seen - t.Trouble.Skip, 0, t.Trouble.Times)));
            case ["troubles"]:
                _troubles.Add((body.Deserialize<Trouble>(Json)!, 0));
                return null;
            case ["calls"] when method == "DELETE":
                _calls.Clear();
                return null;
            case ["calls"]:
                return JsonSerializer.SerializeToNode(_calls, Json);
            case ["tokens"] when method == "DELETE":
                iam.RevokeAll();
                return null;
            case ["tokens"]:
                return JsonValue.Create(iam.Issued);
            case ["reset"]:
                project.Clear();
                _troubles.Clear();
                _calls.Clear();
                return null;
            case ["apps", var name, "kill"]:
                project.FindApp(name)?.Kill(body?["exit_code"]?.GetValue<int>() ?? 137);
                return null;
            case ["apps", var name, "say"]:
                project.FindApp(name)?.Say(body!["text"]!.GetValue<string>());
                return null;
            case ["apps", var name, "idle"]:
                project.FindApp(name)?.Idle();
                return null;
            case ["apps", var name, "revisions"]:
                return JsonValue.Create(project.FindApp(name)?.Revisions.Count ?? 0);
            case ["apps", var name, "edit"]:
                return project.PatchApp(name, body!, "*");
            case ["apps", var name] when method == "DELETE":
                project.DeleteApp(name);
                return null;
            case ["apps"] when method == "POST":
                return project.CreateApp(body!);
            case ["secrets"] when method == "POST":
                return project.CreateSecret(body!);
            case ["secrets", var secret] when method == "DELETE":
                project.DeleteSecret(secret);
                return null;
            case ["builds"] when method == "POST":
                return project.CreateBuild(body!);
            case ["builds", var build] when method == "DELETE":
                project.DeleteBuild(build);
                return null;
            case ["build_runs", var run] when method == "DELETE":
                project.DeleteRun(run);
                return null;
            case ["build_runs", var run, "replace"]:
                body!["name"] = run;
                body["build_name"] = Validation.Text(project.Run(run)!, "build_name");
                project.DeleteRun(run);
                return project.CreateRun(body);
            case ["build_runs"] when method == "POST":
                return project.CreateRun(body!);
            case ["state"]:
                return new JsonObject
                {
                    ["apps"] = Array(project.Apps()), ["secrets"] = Array(project.Secrets()), ["builds"] = Array(project.Builds()), ["build_runs"] = Array(project.Runs(null)),
                };
            default:
                throw DoubleProject.NotFound();
        }
    }

    private static JsonArray Array(IEnumerable<JsonObject> items) => new([.. items]);

    private string Below(string path)
    {
        var prefix = $"/v2/projects/{project.Id}";
        return path.StartsWith(prefix, StringComparison.Ordinal) ? path[prefix.Length..] : path;
    }

    private static JsonObject Error(int status, string code, string message) => new()
    {
        ["errors"] = new JsonArray(new JsonObject { ["code"] = code, ["message"] = message }), ["trace"] = "codeengine-api-" + Guid.NewGuid().ToString("N"), ["status_code"] = status,
    };

    private static async Task<string> TextAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
        return await reader.ReadToEndAsync();
    }

    private static async Task<JsonObject> ReadAsync(HttpContext http)
    {
        return JsonNode.Parse(await TextAsync(http)) as JsonObject ?? throw new Refused(400, "bad_request", "The body is no object.");
    }

    private static async Task WriteAsync(HttpContext http, int status, JsonNode? body, (string Name, string Value)[] headers, bool cut)
    {
        http.Response.StatusCode = status;
        foreach (var (name, value) in headers)
        {
            http.Response.Headers[name] = value;
        }

        if (body is null)
        {
            return;
        }

        var plain = body is JsonValue value1 && value1.TryGetValue<string>(out var text) ? text : null;
        http.Response.ContentType = plain is null ? "application/json" : "text/plain";
        var whole = plain ?? body.ToJsonString();
        await http.Response.WriteAsync(cut ? whole[..(whole.Length / 2)] : whole);
    }
}
