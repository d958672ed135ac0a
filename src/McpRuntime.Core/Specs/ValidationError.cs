namespace McpRuntime.Core.Specs;

/// <param name="Path">The field, in the door's own notation: <c>source.image</c>, <c>environment.API_KEY</c>.</param>
/// <param name="Message">What is wrong and what to do, in plain words.</param>
public sealed record ValidationError(string Path, string Message);
