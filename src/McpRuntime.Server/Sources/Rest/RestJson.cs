using System.Text.Json;
using System.Text.Json.Serialization;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>How this API writes JSON: snake_case names and words, times in RFC 3339.</summary>
internal static class RestJson
{
    public static readonly JsonSerializerOptions Options = Configure(new JsonSerializerOptions(JsonSerializerDefaults.Web));

    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
        options.DictionaryKeyPolicy = null;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false));
        options.Converters.Add(new NeverShown());
        return options;
    }

    /// <summary>Whatever slips into a response, a secret does not: it is written as <c>***</c> and never read.</summary>
    private sealed class NeverShown : JsonConverter<SecretText>
    {
        public override SecretText Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw new JsonException("Secrets are read by the request readers alone.");

        public override void Write(Utf8JsonWriter writer, SecretText value, JsonSerializerOptions options) => writer.WriteStringValue("***");
    }
}
