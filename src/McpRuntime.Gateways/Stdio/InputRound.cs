using System.Text.Json;

namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// A server of the newer era needs something of its client before it goes on; a client of the older era is asked for it with requests,
/// on the stream of its call, and the call is then made again with the answers.
/// </summary>
internal sealed class InputRound(Bridge bridge, ServerFacts server, Session session, Call call)
{
    private const int MostRequests = 16;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, JsonElement> _answers = new(StringComparer.Ordinal);
    private string? _state;
    private int _open;
    private bool _failed;

    public void Begin(JsonElement result)
    {
        _state = Protocol.Text(result, "requestState");
        var asked = result.TryGetProperty("inputRequests"u8, out var requests) && requests.ValueKind == JsonValueKind.Object ? requests.EnumerateObject().ToList() : [];
        var unable = asked.Find(entry => Protocol.Text(entry.Value, "method") is not { } method || Protocol.CapabilityFor(method) is not { } capability || !session.Can(capability));
        if (asked.Count > MostRequests || unable.Value.ValueKind != JsonValueKind.Undefined)
        {
            call.Fail(Protocol.Gateway, "The server needs an input that this client has not declared to be able to give.");
            return;
        }

        if (++call.Rounds > bridge.Limits.InputRounds)
        {
            call.Fail(Protocol.Gateway, $"The server asked for more input {bridge.Limits.InputRounds} times, and still goes on.");
            return;
        }

        _open = asked.Count;
        if (_open == 0)
        {
            Again();
            return;
        }

        foreach (var entry in asked)
        {
            Ask(entry.Name, entry.Value);
        }
    }

    private void Ask(string key, JsonElement request)
    {
        var name = session.Ask(new ServerRequest("", call, answer => Answered(key, answer)));
        if (name is null || !call.Outbox.TrySend(Frames.Write(to =>
        {
            Frames.Id(to, name);
            to.WriteString("method"u8, Protocol.Text(request, "method"));
            if (request.TryGetProperty("params"u8, out var parameters))
            {
                to.WritePropertyName("params"u8);
                Frames.Value(to, parameters);
            }
        })))
        {
            if (name is not null)
            {
                session.TakeAsked(name);
            }

            Fail("The client is gone, or leaves too much unanswered that it was asked.");
        }
    }

    private void Answered(string key, JsonRpcMessage? answer)
    {
        if (answer?.Result is not { } result)
        {
            Fail(answer is null ? "The client ended its call." : $"The client refused what the server needs: {Protocol.Text(answer.Error, "message")}");
            return;
        }

        bool all;
        lock (_lock)
        {
            _answers[key] = result;
            all = --_open == 0 && !_failed;
        }

        if (all)
        {
            Again();
        }
    }

    private void Fail(string why)
    {
        lock (_lock)
        {
            if (_failed)
            {
                return;
            }

            _failed = true;
        }

        call.Fail(Protocol.Gateway, why);
    }

    /// <summary>The same call of the client, under another id with the server.</summary>
    private void Again()
    {
        var again = new Call(session, call.Caller, call.Message, call.Outbox)
        {
            StartedAt = call.StartedAt,
            Translate = call.Translate,
            Ended = call.Ended,
            Frame = id => Translation.Request(id, call.Message, server, session, call.ProgressToken is not null, to =>
            {
                if (_answers.Count > 0)
                {
                    to.WritePropertyName("inputResponses"u8);
                    to.WriteStartObject();
                    foreach (var (key, result) in _answers)
                    {
                        to.WritePropertyName(key);
                        Frames.Value(to, result);
                    }

                    to.WriteEndObject();
                }

                if (_state is not null)
                {
                    to.WriteString("requestState"u8, _state);
                }
            }),
        };

        if (session.Replace(call, again))
        {
            bridge.Calls.Begin(again);
        }
    }
}
