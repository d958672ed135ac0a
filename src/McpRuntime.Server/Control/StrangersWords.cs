using McpRuntime.Core.Planning;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Control;

/// <summary>
/// What others wrote (a server, its healthcheck, an engine) becomes conditions, events and rows. A runtime's own secrets are taken
/// out of it first: a server that is given a bad key likes to quote it.
/// </summary>
internal static class StrangersWords
{
    public static Observation Without(Redactor secrets, Observation seen) => secrets.IsIdle
        ? seen
        : new Observation(
            View(secrets, seen.Backend),
            View(secrets, seen.Gateway),
            seen.Handshakes.ToDictionary(h => h.Key, h => Words(secrets, h.Value), StringComparer.Ordinal))
        {
            Registry = View(secrets, seen.Registry),
        };

    public static StepResult Without(Redactor secrets, StepResult result) => secrets.IsIdle || result.Outcome is not { } outcome
        ? result
        : result with
        {
            Outcome = outcome.Match<Outcome>(
                done => done,
                progress => progress with { Message = secrets.Clean(progress.Message) },
                faulted => new Outcome.Faulted(Words(secrets, faulted.Fault))),
        };

    private static ProviderView View(Redactor secrets, ProviderView view) => view.Match<ProviderView>(
        known => new ProviderView.Known([.. known.Resources.Select(r => r.Message is { } message ? r with { Message = secrets.Clean(message) } : r)]),
        unknown => new ProviderView.Unknown(Words(secrets, unknown.Fault)));

    private static Fault Words(Redactor secrets, Fault fault) => fault with { Message = secrets.Clean(fault.Message) };

    /// <summary>Hashes stay as they were taken: they tell whether the server's own words changed.</summary>
    private static Handshake Words(Redactor secrets, Handshake heard)
    {
        string? Clean(string? text) => text is null ? null : secrets.Clean(text);
        return heard with
        {
            Message = Clean(heard.Message),
            ServerName = Clean(heard.ServerName),
            ServerVersion = Clean(heard.ServerVersion),
            Tools = heard.Tools is { } tools ? [.. tools.Select(secrets.Clean)] : null,
            Definitions = heard.Definitions is { } definitions
                ? [.. definitions.Select(d => d with { Name = secrets.Clean(d.Name), Definition = secrets.Clean(d.Definition) })]
                : null,
        };
    }
}
