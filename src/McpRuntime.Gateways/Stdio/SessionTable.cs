using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;

namespace McpRuntime.Gateways.Stdio;

/// <summary>The sessions of one bridge, bounded in all and for each caller.</summary>
internal sealed class SessionTable(BridgeLimits limits, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Session> _sessions = new(StringComparer.Ordinal);
    private readonly Lock _opening = new();

    public IEnumerable<Session> All => _sessions.Values;

    /// <returns>Null: there are too many; the message says whose.</returns>
    public Session? Open(string caller, string version, JsonElement capabilities, out string why)
    {
        lock (_opening)
        {
            if (_sessions.Count >= limits.Sessions)
            {
                why = $"The server has {limits.Sessions} sessions, the most it may have. End one, or try again later.";
                return null;
            }

            if (_sessions.Values.Count(session => session.Caller == caller) >= limits.SessionsPerCaller)
            {
                why = $"This caller has {limits.SessionsPerCaller} sessions with the server, the most one may have. End one (DELETE), or try again later.";
                return null;
            }

            why = "";

            // 32 hex digits of a cryptographic source; the gateway seals it to its caller besides.
            var session = new Session(RandomNumberGenerator.GetHexString(32, lowercase: true), caller, version, capabilities.Clone(), limits) { LastUsed = time.GetTimestamp() };
            _sessions[session.Id] = session;
            return session;
        }
    }

    public Session? Find(string id, string caller)
    {
        if (!_sessions.TryGetValue(id, out var session) || session.Caller != caller)
        {
            return null;
        }

        session.LastUsed = time.GetTimestamp();
        return session;
    }

    public bool Remove(Session session) => _sessions.TryRemove(new(session.Id, session));

    public IReadOnlyList<Session> Idle() => [.. _sessions.Values.Where(session => !session.IsBusy && time.GetElapsedTime(session.LastUsed) > limits.SessionIdle)];
}
