using System.Net;
using System.Reflection;
using McpRuntime.Backends.Docker.Guard;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Egress;

/// <summary>The guard, whole: relay, proxy and control over one set of policies. It needs nobody to go on working.</summary>
internal sealed partial class GuardHost : IAsyncDisposable
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(1);

    private readonly GuardSettings _settings;
    private readonly INetworkView _networks;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly PolicyTable _policies;
    private readonly Ledger _ledger;
    private readonly TunnelSet _tunnels = new();
    private readonly Acceptor _relay;
    private readonly Acceptor _proxy;
    private readonly GuardControl _control;
    private readonly FairNames _names;
    private readonly CancellationTokenSource _stopping = new();
    private string? _trouble;
    private Task _running = Task.CompletedTask;

    public GuardHost(GuardSettings settings, INetworkView networks, INameResolver names, TimeProvider time, ILogger logger)
    {
        (_settings, _networks, _time, _logger) = (settings, networks, time, logger);
        var limits = settings.Limits;
        var token = new GuardToken(settings.Token);
        _policies = new PolicyTable(new PolicyFile(settings.StateFolder), limits);
        _ledger = new Ledger(limits, time);
        var rules = new AddressRules(settings.AllowPrivate, settings.Deny, networks);
        var relay = new Relay(token, networks, _ledger, _tunnels, limits, time);
        _names = new FairNames(names, limits.LookUps, limits.LookUpsPerNetwork);
        var proxy = new EgressProxy(_policies, networks, rules, _names, _ledger, _tunnels, limits, settings.SameNetwork, time);
        _relay = new Acceptor(new IPEndPoint(settings.Listen, settings.RelayPort), relay.HandleAsync, time, logger);
        _proxy = new Acceptor(new IPEndPoint(settings.Listen, settings.ProxyPort), proxy.HandleAsync, time, logger);
        _control = new GuardControl(new IPEndPoint(settings.Listen, settings.ControlPort), token, _policies, _ledger, _tunnels, networks, Health);
        _policies.Changed += (_, _) => _tunnels.CutForbidden(_policies);
    }

    public IPEndPoint Relay => _relay.Endpoint;

    public IPEndPoint Proxy => _proxy.Endpoint;

    public Uri Control => _control.Address;

    public PolicyTable Policies => _policies;

    public Ledger Ledger => _ledger;

    public TunnelSet Tunnels => _tunnels;

    /// <summary>Ends when the guard was disposed, or by a loop that should never end.</summary>
    public Task Completion => _running;

    public async Task StartAsync(CancellationToken ct)
    {
        // Before the first connection: what was allowed stays allowed across a restart, and nothing else ever is.
        _trouble = _policies.Load();
        if (_trouble is not null)
        {
            Log.Trouble(_logger, _trouble);
        }

        _relay.Bind();
        _proxy.Bind();
        await _control.StartAsync(ct);
        _running = Task.WhenAll(_relay.RunAsync(_stopping.Token), _proxy.RunAsync(_stopping.Token), SweepAsync(_stopping.Token));
        Log.Started(_logger, Relay, Proxy, Control, _policies.Count);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _relay.Dispose();
        _proxy.Dispose();
        await _control.DisposeAsync();
        _tunnels.CutAll();
        await _running;
        _names.Dispose();
        _stopping.Dispose();
    }

    private GuardHealth Health()
    {
        var inner = _networks.Current().Attachments.Count(a => !a.Outer);
        var version = typeof(GuardHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
        return new GuardHealth(_trouble is null ? "ok" : "degraded", version, _ledger.Epoch, _policies.Count, inner, _tunnels.Relayed, _tunnels.Proxied, _trouble);
    }

    private async Task SweepAsync(CancellationToken ct)
    {
        using var timer = new PeriodicTimer(SweepEvery, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(ct))
            {
                _tunnels.CutOverdue(_settings.Limits);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
            return;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "guard: relay on {Relay}, proxy on {Proxy}, control on {Control}; {Policies} policies in force")]
        public static partial void Started(ILogger logger, IPEndPoint relay, IPEndPoint proxy, Uri control, int policies);

        [LoggerMessage(Level = LogLevel.Error, Message = "guard: {Trouble}")]
        public static partial void Trouble(ILogger logger, string trouble);
    }
}
