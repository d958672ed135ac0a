using McpRuntime.Core.Guardrails;
using McpRuntime.Server.Control;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Approvals;

internal static class ApprovalRegistration
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RollOutEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan DeliverEvery = TimeSpan.FromSeconds(2);

    /// <summary>Decisions, profiles and what the leader does about them. Needs the records and the lease; call it after those, so that it stops before the lease is released.</summary>
    public static IServiceCollection AddApprovals(this IServiceCollection services) => services
        .AddMetrics()
        .AddSingleton<ApprovalMetrics>()
        .AddSingleton<ApprovedContent>()
        .AddSingleton<IApprovalDecisions, ApprovalDecisions>()
        .AddSingleton<ApprovalSweep>()
        .AddSingleton<Regenerations>()
        .AddSingleton<RollOuts>()
        .AddSingleton<ProfileStore>()
        .AddSingleton<IProfiles>(with => with.GetRequiredService<ProfileStore>())
        .AddSingleton<ProfileRollout>()
        .AddSingleton(with => new Chore("the sweep of approvals", SweepEvery, SweepAsync(with)))
        .AddSingleton(with => new Chore("the roll-out of profiles", RollOutEvery, with.GetRequiredService<ProfileRollout>().RunAsync))
        .AddSingleton(with => new Chore("the sweep of events and audit", History.Every, with.GetRequiredService<History>().SweepAsync))
        .AddHostedService<Upkeep>();

    public static IServiceCollection AddApprovalWebhook(this IServiceCollection services, RuntimeSettings settings) => settings.ApprovalWebhook is not { } webhook
        ? services
        : services
            .AddSingleton(with => new WebhookClient(webhook, settings.Sources.AllowPrivateAddresses, with.GetRequiredService<TimeProvider>()))
            .AddSingleton<WebhookDelivery>()
            .AddSingleton(with => new Chore("the approval webhook", DeliverEvery, with.GetRequiredService<WebhookDelivery>().RunAsync));

    private static Func<CancellationToken, Task> SweepAsync(IServiceProvider with)
    {
        var (sweep, metrics, lease) = (with.GetRequiredService<ApprovalSweep>(), with.GetRequiredService<ApprovalMetrics>(), with.GetRequiredService<ILease>());
        return async ct =>
        {
            var oldest = await sweep.RunAsync(ct);
            metrics.Waited(lease.Current is null ? null : oldest);
        };
    }
}
