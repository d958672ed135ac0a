namespace McpRuntime.Server.Control;

/// <summary>When a record should have its next turn. In memory only: the row's own time says the same to whoever leads.</summary>
/// <param name="After">Null: when somebody asks, or at the next resync.</param>
internal readonly record struct Next(TimeSpan? After)
{
    public static Next WhenAsked => new(After: null);

    public static Next At(DateTimeOffset? at, DateTimeOffset now) => new(at is { } due ? (due > now ? due - now : TimeSpan.Zero) : null);
}
