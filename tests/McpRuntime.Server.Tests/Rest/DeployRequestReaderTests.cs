using System.Collections;
using System.Reflection;
using System.Text;
using System.Text.Json;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Sources.Rest;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Server.Tests.Rest;

internal sealed class DeployRequestReaderTests
{
    [Test]
    public async Task Every_field_of_a_deploy_request_can_be_sent()
    {
        var json = Sample(typeof(DeployRequest))!;

        var read = await ReadAsync(JsonSerializer.Serialize(json));

        AllSet(read, "").Should().BeEmpty();
    }

    [TestCase("""{"nam": "a"}""", "nam", "not known here; known are name, backend")]
    [TestCase("""{"source": {"img": "a"}}""", "source.img", "not known here")]
    [TestCase("""{"guardrails_overrides": {"network": {"egress": true}}}""", "guardrails_overrides.network.egress", "known are egress_allowed, allowed_hosts, ingress_ports")]
    [TestCase("""{"name": 5}""", "name", "must be a string, not a number")]
    [TestCase("""{"source": []}""", "source", "must be an object, not an array")]
    [TestCase("""{"endpoint_port": "80"}""", "endpoint_port", "must be a whole number, not a string")]
    [TestCase("""{"endpoint_port": 80.5}""", "endpoint_port", "must be a whole number")]
    [TestCase("""{"endpoint_port": 1e99}""", "endpoint_port", "must be a whole number")]
    [TestCase("""{"register_gateway": "yes"}""", "register_gateway", "must be true or false, not a string")]
    [TestCase("""{"tags": ["a", 1]}""", "tags[1]", "must be a string, not a number")]
    [TestCase("""{"environment": {"A": {"x": 1}}}""", "environment.A", "must be a string, not an object")]
    [TestCase("""{"guardrails_overrides": {"mode": "never"}}""", "guardrails_overrides.mode", "warn, approve or refuse")]
    [TestCase("""{"name": "a\u0000b"}""", "name", "NUL")]
    public async Task A_wrong_field_is_named_by_its_path_with_what_was_expected(string json, string path, string message)
    {
        var refusal = await RefusedAsync(json);

        refusal.Kind.Should().Be(RefusalKind.Invalid);
        refusal.Errors.Should().Contain(error => error.Path == path && error.Message.Contains(message));
    }

    [TestCase("", "missing")]
    [TestCase("[]", "not a JSON object")]
    [TestCase("null", "not a JSON object")]
    [TestCase("{", "not acceptable")]
    [TestCase("{\"a\": 1, \"a\": 2}", "not acceptable")]
    [TestCase("{\"source\": {\"image\": \"a\", \"image\": \"b\"}}", "not acceptable")]
    [TestCase("{\"name\": \"\\ud800\"}", "not valid Unicode")]
    [TestCase("{\"\\ud800\": 1}", "Unicode")]
    [TestCase("{\"a\": 1} x", "not acceptable")]
    public async Task What_is_not_acceptable_json_is_malformed(string json, string title)
    {
        var refusal = await RefusedAsync(json);

        refusal.Kind.Should().Be(RefusalKind.Malformed);
        refusal.Title.Should().Contain(title);
    }

    [Test]
    public async Task A_duplicate_is_named()
    {
        (await RefusedAsync("{\"name\": \"a\", \"name\": \"b\"}")).Detail.Should().Contain("name");
    }

    [Test]
    public async Task Depth_is_limited()
    {
        (await RefusedAsync(string.Concat(Enumerable.Repeat("{\"a\":", 40)) + "1" + new string('}', 40))).Kind.Should().Be(RefusalKind.Malformed);
    }

    [Test]
    public async Task All_wrong_fields_are_told_at_once_but_not_more_than_anybody_reads()
    {
        (await RefusedAsync("""{"name": 1, "backend": 2, "x": 3}""")).Errors.Should().HaveCount(3);
        (await RefusedAsync("{" + string.Join(',', Enumerable.Range(0, 10_000).Select(i => $"\"f{i}\": 1")) + "}")).Errors.Should().HaveCount(50);
    }

    [Test]
    public async Task Only_a_compose_request_may_be_larger_than_one_mebibyte()
    {
        var padding = new string('x', RequestBody.MaxBytes);
        var compose = await ReadAsync($$$"""{"source": {"type": "compose", "compose_file": "{{{padding}}}"}}""");
        var other = () => ReadAsync($$$"""{"metadata": {"a": "{{{padding}}}"}}""");
        var huge = () => ReadAsync($$$"""{"source": {"compose_file": "{{{padding + padding}}}"}}""");

        compose.Source!.ComposeFile.Should().HaveLength(padding.Length);
        (await other.Should().ThrowAsync<BadHttpRequestException>()).Which.StatusCode.Should().Be(413);
        (await huge.Should().ThrowAsync<BadHttpRequestException>()).Which.StatusCode.Should().Be(413);
    }

    [TestCase("text/plain")]
    [TestCase("application/json; charset=utf-16")]
    [TestCase("application/x-www-form-urlencoded")]
    [TestCase(null)]
    public async Task Another_media_type_is_unsupported(string? type)
    {
        var read = () => ReadAsync("{}", type);

        (await read.Should().ThrowAsync<BadHttpRequestException>()).Which.StatusCode.Should().Be(415);
    }

    [Test]
    public async Task Numbers_are_taken_for_quantities_as_they_were_written()
    {
        (await ReadAsync("""{"resources": {"cpu": 0.50, "memory": 1024}}""")).Resources.Should().Be(new ResourceRequest("0.50", "1024", null, null, null, null));
    }

    private static async Task<Refusal> RefusedAsync(string json)
    {
        var read = () => ReadAsync(json);
        return (await read.Should().ThrowAsync<Refusal>()).Which;
    }

    private static Task<DeployRequest> ReadAsync(string json, string? type = "application/json")
    {
        var http = new DefaultHttpContext();
        http.Request.ContentType = type;
        http.Request.Body = new MemoryStream(Encoding.UTF8.GetBytes(json));
        return RequestBody.ReadAsync(http.Request, DeployRequestReader.Read, CancellationToken.None);
    }

    /// <summary>JSON that sets every property of a request record.</summary>
    private static object? Sample(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string) || type == typeof(SecretText))
        {
            return "text";
        }

        if (type == typeof(int))
        {
            return 7;
        }

        if (type == typeof(bool))
        {
            return true;
        }

        if (type == typeof(GuardrailsMode))
        {
            return "approve";
        }

        if (type.IsAssignableTo(typeof(IEnumerable)))
        {
            var arguments = type.GetGenericArguments();
            return arguments.Length == 2 ? new Dictionary<string, object?>(StringComparer.Ordinal) { ["KEY"] = Sample(arguments[1]) } : new[] { Sample(arguments[0]) };
        }

        return Properties(type).ToDictionary(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name), property => Sample(property.PropertyType), StringComparer.Ordinal);
    }

    private static IEnumerable<string> AllSet(object read, string path)
    {
        foreach (var property in Properties(read.GetType()))
        {
            var value = property.GetValue(read);
            if (value is null)
            {
                yield return path + property.Name;
            }
            else if (value is not (string or IEnumerable or SecretText) && value.GetType().IsClass)
            {
                foreach (var missing in AllSet(value, path + property.Name + "."))
                {
                    yield return missing;
                }
            }
        }
    }

    private static IEnumerable<PropertyInfo> Properties(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.CanWrite);
}
