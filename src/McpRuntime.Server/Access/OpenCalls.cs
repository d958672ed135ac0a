using System.Collections.Concurrent;
using McpRuntime.Core.Records;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Access;

/// <summary>Marks a route whose requests may stay open: streams, and waits for a status.</summary>
internal sealed record StaysOpen;

/// <summary>The requests that stay open: so many at a time for each caller, and none for longer than what its caller showed is good for.</summary>
internal sealed partial class OpenCalls(Authenticator authenticator, AccessSettings settings, TimeProvider time, ILogger<OpenCalls> logger)
{
    /// <summary>How often what was shown is looked at again; with the tokens' own cache a revoked one ends its streams within 5 s.</summary>
    private static readonly TimeSpan CheckEvery = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<string, int> _open = new(StringComparer.Ordinal);

    /// <exception cref="Refusal">Throttled: the caller has as many open as it may.</exception>
    public OpenCall Open(HttpContext http, Identified identified)
    {
        if (_open.AddOrUpdate(identified.Key, 1, (_, open) => open + 1) > settings.OpenCallsPerCaller && settings.OpenCallsPerCaller > 0)
        {
            Close(identified.Key);
            throw new Refusal(RefusalKind.Throttled, "Too many open calls", $"This caller has {settings.OpenCallsPerCaller} streams and calls open at a time (RUNTIME_OPEN_CALLS_LIMIT). Close one, or wait until one ends.")
            {
                RetryAfter = TimeSpan.FromSeconds(1),
            };
        }

        return new OpenCall(http, this, identified);
    }

    private void Close(string key)
    {
        while (_open.TryGetValue(key, out var open))
        {
            if (open > 1 ? _open.TryUpdate(key, open - 1, open) : _open.TryRemove(KeyValuePair.Create(key, open)))
            {
                return;
            }
        }
    }

    private async Task<bool> HoldsAsync(string header, string? address, CancellationToken ct)
    {
        try
        {
            return await authenticator.IdentifyAsync(header, address, ct) is not null;
        }
        catch (Refusal away) when (away.Kind == RefusalKind.Unavailable)
        {
            // Nobody can say now. What was good a moment ago stays so; an expiry is known without asking.
            return true;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "An open call of {Subject} to {Path} was ended: its token is no longer valid")]
        public static partial void Lapsed(ILogger logger, string subject, string path);
    }

    /// <summary>One of them. While it is open the request's own token also ends when its caller may no longer ask.</summary>
    internal sealed class OpenCall : IAsyncDisposable
    {
        private readonly HttpContext _http;
        private readonly OpenCalls _calls;
        private readonly Identified _identified;
        private readonly string _header;
        private readonly string? _address;
        private readonly string _path;
        private readonly CancellationToken _client;
        private readonly CancellationTokenSource _ended;
        private readonly Task _watch;
        private volatile bool _lapsed;

        public OpenCall(HttpContext http, OpenCalls calls, Identified identified)
        {
            (_http, _calls, _identified) = (http, calls, identified);
            _header = http.Request.Headers.Authorization.ToString();
            _address = identified.Caller.Address;
            _path = http.Request.Path.ToUriComponent();
            _client = http.RequestAborted;
            _ended = CancellationTokenSource.CreateLinkedTokenSource(_client);
            http.RequestAborted = _ended.Token;
            _watch = WatchAsync();
        }

        /// <summary>It was ended because its caller may no longer ask.</summary>
        public bool Lapsed => _lapsed;

        public async ValueTask DisposeAsync()
        {
            _http.RequestAborted = _client;
            await _ended.CancelAsync();
            await _watch;
            _ended.Dispose();
            _calls.Close(_identified.Key);
        }

        private async Task WatchAsync()
        {
            using var timer = new PeriodicTimer(CheckEvery, _calls.Time);
            try
            {
                while (await timer.WaitForNextTickAsync(_ended.Token))
                {
                    if (_identified.ValidUntil <= _calls.Time.GetUtcNow() || !await _calls.HoldsAsync(_header, _address, _ended.Token))
                    {
                        _lapsed = true;
                        Log.Lapsed(_calls.Logger, _identified.Caller.Subject, _path);
                        await _ended.CancelAsync();
                    }
                }
            }
            catch (OperationCanceledException) when (_ended.IsCancellationRequested)
            {
                // It has ended, by itself or by us.
            }
        }
    }

    private TimeProvider Time => time;

    private ILogger Logger => logger;
}
