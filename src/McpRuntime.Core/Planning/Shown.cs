using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Planning;

/// <summary>What is shown of the live thing.</summary>
internal static class Shown
{
    public static Display Of(RuntimeRecord record, World world, Memory memory, SeenResource? carrier, bool registered)
    {
        var plan = PlanOf(world, carrier);
        var spec = (plan?.Revision ?? record.Asked).Spec;
        var facts = (plan?.Revision ?? record.Asked).Facts;
        var word = carrier is null ? null
            : world.HandshakeOf(carrier) is { Verdict: HandshakeVerdict.Passed or HandshakeVerdict.Challenged } passed ? passed
            : record.Display.Server;
        return new Display
        {
            RuntimeRef = carrier?.Id ?? plan?.Compiled.Endpoint?.ContainerId,
            EndpointUrl = registered && world.Options.PublicUrl is { } url ? $"{url.ToString().TrimEnd('/')}/mcp/{spec.GatewayName ?? record.Name}" : null,
            Image = spec.Source.Match<string?>(docker => docker.Image, _ => plan?.Revision.Facts?.Pin, _ => null),
            ImageDigest = facts is { PinIsRegistryDigest: true } ? facts.Pin[(facts.Pin.IndexOf('@', StringComparison.Ordinal) + 1)..] : facts?.Image?.ImageId,
            GatewayId = GatewayIdOf(record, world),
            Restarts = memory.Restarts,
            Server = SameButForTime(record.Display.Server, word) ? record.Display.Server : word,
            GuardrailsReport = ReportOf(world, plan, carrier),
            GuardrailsWarnings = plan?.Compiled.Warnings ?? [],
        };
    }

    /// <summary>The plan that the carrier belongs to, else the one that should run.</summary>
    public static RevisionPlan? PlanOf(World world, SeenResource? carrier) =>
        world.Wanted.Target is { } target && (world.Wanted.Serving is null || (carrier is not null && target.Compiled.Endpoint?.ContainerId == carrier.Id))
            ? target
            : world.Wanted.Serving ?? world.Wanted.Target;

    /// <summary>What was compiled, with what the live object shows in its place: of several services, the one that holds least.</summary>
    public static IReadOnlyList<ControlReport> ReportOf(World world, RevisionPlan? plan, SeenResource? carrier)
    {
        SeenResource[] live = [.. new[] { carrier }.Concat((plan is null || carrier is null ? [] : World.Companions(plan)).Select(r => world.See(r.Id))).OfType<SeenResource>()];
        return [.. (plan?.Compiled.Report ?? []).Select(c => Least(c.Control, live) is { } shown ? c.ReadBack(shown) : c)];
    }

    private static ControlReport? Least(Control control, IReadOnlyList<SeenResource> live)
    {
        var shown = live.SelectMany(s => s.Controls.Where(c => c.Control == control).Select(c => (Seen: s, Report: c))).ToList();
        var (seen, report) = shown.Find(s => s.Report.Outcome is ControlOutcome.Weakened);
        return seen?.Service is { } service ? report with { Observed = $"service \"{service}\": {report.Observed}" } : report ?? shown.FirstOrDefault().Report;
    }

    /// <summary>An outer gateway's own id of the registration; the embedded gateway lists a runtime under the runtime's id.</summary>
    private static string? GatewayIdOf(RuntimeRecord record, World world) =>
        world.RegistryFault is not null ? record.Display.GatewayId
        : world.Seen.FirstOrDefault(s => s.Kind is ResourceKind.Registration) is { } registration ? registration.Instance
        : world.Seen.Any(s => s.Kind is ResourceKind.Route) ? record.Id
        : null;

    // A probe every minute that says the same is not news.
    private static bool SameButForTime(Handshake? a, Handshake? b) =>
        a is not null && b is not null && Sameness.Of(a with { At = default, Failures = 0 }, b with { At = default, Failures = 0 });
}
