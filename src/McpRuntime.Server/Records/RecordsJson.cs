using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Records;

/// <summary>How the contracts' records are kept in JSON columns. Unknown members are skipped, so that an older release can read a newer one's rows.</summary>
internal static class RecordsJson
{
    private static readonly JsonSerializerOptions Stored = Make(WithoutEnvironment);

    // For a request's fingerprint, an HMAC; and for who converts a manifest of their own.
    private static readonly JsonSerializerOptions Revealed = Make(_ => { }, new RevealingConverter());

    public static string Write<T>(T value) => JsonSerializer.Serialize(value, Stored);

    public static T Read<T>(string json) =>
        JsonSerializer.Deserialize<T>(json, Stored) ?? throw new JsonException($"A stored {typeof(T).Name} is null.");

    public static string WriteRevealed(DeployRequest request) => JsonSerializer.Serialize(request, Revealed);

    /// <summary>A source in the shape it is sent in.</summary>
    public static SourceRequest Sent(Source source) => source.Match(
        docker => new SourceRequest { Type = docker.Type, Image = docker.Image, Command = docker.Command },
        gitHub => new SourceRequest
        {
            Type = gitHub.Type,
            Repo = gitHub.Repo,
            Ref = gitHub.Ref,
            Dockerfile = gitHub.Dockerfile,
            Context = gitHub.Context,
            BuildArgs = gitHub.BuildArgs,
            PushToRegistry = gitHub.PushToRegistry,
            Registry = gitHub.Registry,
        },
        compose => new SourceRequest
        {
            Type = compose.Type,
            ComposeFile = compose.File,
            Repo = compose.Repo,
            Ref = compose.Ref,
            Path = compose.Path,
            MainService = compose.MainService,
        });

    private static JsonSerializerOptions Make(Action<JsonTypeInfo> modifier, params JsonConverter[] more)
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { modifier } },
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false), new SourceConverter() },
        };
        foreach (var converter in more)
        {
            options.Converters.Add(converter);
        }

        options.MakeReadOnly();
        return options;
    }

    /// <summary>The environment has a column of its own, sealed; a spec's JSON must never hold a value.</summary>
    private static void WithoutEnvironment(JsonTypeInfo type)
    {
        if (type.Type == typeof(RuntimeSpec))
        {
            var environment = type.Properties.Single(property => property.Name == "environment");
            type.Properties.Remove(environment);
        }
        else if (type.Type == typeof(SecretText) || type.Type == typeof(EnvironmentValue))
        {
            throw new NotSupportedException("A secret was about to be stored as JSON.");
        }
    }

    /// <summary>A source is stored in the shape it is sent in: one flat object with a <c>type</c>.</summary>
    private sealed class SourceConverter : JsonConverter<Source>
    {
        /// <summary>What admission found, beside what was sent.</summary>
        private const string Images = "images";

        public override Source Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            var stored = JsonNode.Parse(ref reader) ?? throw new JsonException("A stored source is null.");
            var sent = stored.Deserialize<SourceRequest>(options)!;
            return sent.Type switch
            {
                "docker" => new Source.Docker(sent.Image!, sent.Command),
                "github" => new Source.GitHub(
                    sent.Repo!,
                    sent.Ref!,
                    sent.Dockerfile!,
                    sent.Context!,
                    sent.BuildArgs ?? new Dictionary<string, string>(StringComparer.Ordinal),
                    sent.PushToRegistry ?? false,
                    sent.Registry),
                "compose" => new Source.Compose(sent.ComposeFile, sent.Repo, sent.Ref, sent.Path, sent.MainService!) { Images = stored[Images].Deserialize<SortedDictionary<string, string>>(options) ?? [] },
                _ => throw new JsonException($"A stored source has the unknown type '{sent.Type}'."),
            };
        }

        public override void Write(Utf8JsonWriter writer, Source value, JsonSerializerOptions options)
        {
            var stored = JsonSerializer.SerializeToNode(Sent(value), options)!;
            if (value is Source.Compose { Images: { Count: > 0 } images })
            {
                stored[Images] = JsonSerializer.SerializeToNode(images, options);
            }

            stored.WriteTo(writer, options);
        }
    }

    private sealed class RevealingConverter : JsonConverter<SecretText>
    {
        public override SecretText Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetString()!);

        public override void Write(Utf8JsonWriter writer, SecretText value, JsonSerializerOptions options) => writer.WriteStringValue(value.Reveal());
    }
}
