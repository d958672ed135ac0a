using System.Globalization;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>One query parameter of a route, declared once: it validates the request and describes itself in the OpenAPI document.</summary>
/// <param name="Type">The OpenAPI word: <c>integer</c>, <c>boolean</c>, <c>string</c>.</param>
internal abstract record QueryParameter(string Name, string Type, string Description)
{
    public int? Minimum { get; init; }

    public int? Maximum { get; init; }

    public IReadOnlyList<string> Words { get; init; } = [];

    public string? Format { get; init; }

    /// <summary>The value, or what is wrong with it.</summary>
    public abstract (object? Value, string? Problem) Read(string text);
}

internal sealed record QueryParameter<T>(string Name, string Type, string Description, T Otherwise, Func<string, (T Value, string? Problem)> Parse)
    : QueryParameter(Name, Type, Description)
{
    public override (object? Value, string? Problem) Read(string text)
    {
        var (value, problem) = Parse(text);
        return (value, problem);
    }
}

/// <summary>The parameters a route takes; any other one is refused by name.</summary>
internal sealed record TakesQuery(IReadOnlyList<QueryParameter> Parameters);

internal static class Query
{
    private const int MaxText = 512;

    public static QueryParameter<int> Whole(string name, int min, int max, int otherwise, string description) =>
        new(name, "integer", $"{description} {min}..{max}, default {otherwise}.", otherwise, text =>
            int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
                ? (number, null)
                : (0, $"must be a whole number from {min} to {max}"))
        { Minimum = min, Maximum = max };

    public static QueryParameter<bool> Flag(string name, string description) =>
        new(name, "boolean", description, false, text => text switch
        {
            "true" or "1" => (true, null),
            "false" or "0" => (false, null),
            _ => (false, "must be true or false"),
        });

    public static QueryParameter<string?> Text(string name, string description, int max = MaxText) =>
        new(name, "string", description, null, text =>
            text.Length == 0 ? (null, "must not be empty; leave it out instead")
            : text.Length > max ? (null, $"must be at most {max} characters")
            : text.Any(char.IsControl) ? (null, "must not contain control characters")
            : (text, null))
        { Maximum = max };

    public static QueryParameter<string?> Choice(string name, IReadOnlyList<string> words, string description) =>
        new(name, "string", description, null, text => words.Contains(text, StringComparer.Ordinal) ? (text, null) : (null, $"must be one of {string.Join(", ", words)}"))
        { Words = words };

    public static QueryParameter<DateTimeOffset?> Time(string name, string description) =>
        new(name, "string", description + " RFC 3339, or seconds since 1970.", null, text =>
            long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds < 100_000_000_000 ? (DateTimeOffset.FromUnixTimeSeconds(seconds), null)
            // A "+" that nobody escaped arrives as a space.
            : DateTimeOffset.TryParse(text.Replace(' ', '+'), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? (time, null)
            : (null, "must be a time such as 2026-01-31T12:00:00Z, or seconds since 1970"))
        { Format = "date-time" };

    public static TBuilder Takes<TBuilder>(this TBuilder route, params QueryParameter[] parameters)
        where TBuilder : IEndpointConventionBuilder =>
        route.WithMetadata(new TakesQuery(parameters));

    /// <summary>What the request sent for it, else its default. Checked before the handler ran.</summary>
    public static T Asked<T>(this HttpContext http, QueryParameter<T> parameter) =>
        http.Features.Get<QueryValues>() is { } values && values.ByName.TryGetValue(parameter.Name, out var value) ? (T)value! : parameter.Otherwise;

    /// <summary>Reads and checks the whole query string before the handler.</summary>
    public static ValueTask<object?> CheckAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        var known = http.GetEndpoint()?.Metadata.GetMetadata<TakesQuery>()?.Parameters ?? [];
        var values = new Dictionary<string, object?>(StringComparer.Ordinal);
        var errors = new List<ValidationError>();
        foreach (var (name, texts) in http.Request.Query)
        {
            var parameter = known.FirstOrDefault(parameter => string.Equals(parameter.Name, name, StringComparison.Ordinal));
            var (value, problem) = parameter is null ? (null, known.Count == 0 ? "is not known here; no parameter is" : $"is not known here; known are {string.Join(", ", known.Select(p => p.Name))}")
                : texts.Count != 1 ? (null, "is given more than once")
                : parameter.Read(texts[0] ?? "");
            if (problem is not null && errors.Count < 20)
            {
                errors.Add(new ValidationError(name.Length <= 64 ? name : name[..64] + "…", problem));
            }

            values[name] = value;
        }

        if (errors.Count > 0)
        {
            throw new Refusal(RefusalKind.Invalid, "A query parameter is not valid", $"{errors[0].Path} {errors[0].Message}", errors);
        }

        http.Features.Set(new QueryValues(values));
        return next(context);
    }

    private sealed record QueryValues(IReadOnlyDictionary<string, object?> ByName);
}
