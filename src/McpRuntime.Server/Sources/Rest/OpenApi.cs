using System.Text.Json.Nodes;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Access;
using McpRuntime.Server.Settings;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>The OpenAPI 3.1 document, made from the routes themselves: their query parameters, roles and answers.</summary>
internal static class OpenApi
{
    private const string Bearer = "bearer";
    private const string ProblemType = "application/problem+json";

    public static IServiceCollection AddOpenApiDocument(this IServiceCollection services) =>
        services.AddOpenApi("v1", options =>
        {
            options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
            options.AddDocumentTransformer((document, _, _) =>
            {
                document.Info = new OpenApiInfo
                {
                    Title = "Secure MCP Runtime",
                    Version = "v1",
                    Description = "Deploys MCP servers under guardrails and keeps them running. Errors are RFC 9457 problem details.",
                };
                document.Servers = [];
                document.Components ??= new OpenApiComponents();
                document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>(StringComparer.Ordinal)
                {
                    [Bearer] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "A token of this service (mcprt_…) or a JWT." },
                };
                return Task.CompletedTask;
            });
            options.AddOperationTransformer(Describe);
            options.AddSchemaTransformer((schema, context, _) =>
            {
                // Environment values: a type that JSON knows nothing of, and a string all the same.
                if (context.JsonTypeInfo.Type == typeof(IReadOnlyDictionary<string, SecretText>))
                {
                    schema.AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.String };
                }

                return Task.CompletedTask;
            });
        });

    private static async Task Describe(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken ct)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        operation.Parameters ??= [];
        foreach (var parameter in metadata.OfType<TakesQuery>().SelectMany(takes => takes.Parameters))
        {
            operation.Parameters.Add(Parameter(parameter));
        }

        if (context.Document is { } document && document.Components?.Schemas?.ContainsKey(nameof(Problem)) != true)
        {
            document.AddComponent(nameof(Problem), await context.GetOrCreateSchemaAsync(typeof(Problem), cancellationToken: ct));
        }

        operation.Responses ??= [];
        operation.Responses["default"] = new OpenApiResponse
        {
            Description = "What is wrong, where, and what to do",
            Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal) { [ProblemType] = new() { Schema = new OpenApiSchemaReference(nameof(Problem), context.Document) } },
        };
        if (metadata.OfType<IAllowAnonymous>().Any())
        {
            return;
        }

        operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, context.Document)] = [] }];
        if (metadata.OfType<NeedsRole>().LastOrDefault() is { } needs)
        {
            operation.Description = $"Needs the role {RoleNames.Of(needs.Role)}.";
        }
    }

    private static OpenApiParameter Parameter(QueryParameter parameter) => new()
    {
        Name = parameter.Name,
        In = ParameterLocation.Query,
        Description = parameter.Description,
        Schema = new OpenApiSchema
        {
            Type = parameter.Type switch
            {
                "integer" => JsonSchemaType.Integer,
                "boolean" => JsonSchemaType.Boolean,
                _ => JsonSchemaType.String,
            },
            Format = parameter.Format,
            Minimum = parameter.Minimum?.ToString(System.Globalization.CultureInfo.InvariantCulture),
            Maximum = parameter.Type == "integer" ? parameter.Maximum?.ToString(System.Globalization.CultureInfo.InvariantCulture) : null,
            MaxLength = parameter.Type == "string" ? parameter.Maximum : null,
            Enum = parameter.Words.Count == 0 ? null : [.. parameter.Words.Select(word => (JsonNode)word)],
        },
    };
}
