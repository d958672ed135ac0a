namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// What a server of the older era asks of its client. It can only be meant for one whose call it works on; while calls of several
/// clients are worked on nobody can tell whose, and it is refused: one client must never see, or answer, what is another's.
/// </summary>
internal sealed class ServerRequests(CallTable calls, Func<byte[], bool> send)
{
    public void Ask(JsonRpcMessage request)
    {
        var id = request.IdText;
        if (request.Method == "ping")
        {
            send(Frames.Result(id, _ => { }));
            return;
        }

        if (Protocol.CapabilityFor(request.Method) is not { } capability)
        {
            Refuse(id, Protocol.MethodNotFound, "No client behind the gateway answers this.");
            return;
        }

        if (calls.OnlyAskers() is not { } call)
        {
            Refuse(id, Protocol.Gateway, calls.IsIdle
                ? "No client's call is being worked on: there is nobody to ask."
                : "Calls of several clients are being worked on, and over stdio it can't be told which one this is for.");
            return;
        }

        if (call.Session is not { } session)
        {
            Refuse(id, Protocol.MethodNotFound, "The client speaks the protocol of 2026-07-28, in which servers send no requests.");
            return;
        }

        if (!session.Can(capability))
        {
            Refuse(id, Protocol.MethodNotFound, $"The client has not declared the capability {capability}.");
            return;
        }

        var name = session.Ask(new ServerRequest(id, call, answer => Answer(id, answer)));
        if (name is not null && !call.Outbox.TrySend(Frames.WithId(request, name)) && session.TakeAsked(name) is not null)
        {
            Refuse(id, Protocol.Gateway, "The client is gone.");
        }
        else if (name is null)
        {
            Refuse(id, Protocol.Gateway, "The client's session has ended, or leaves too much unanswered that it was asked.");
        }
    }

    private void Answer(string id, JsonRpcMessage? answer)
    {
        if (answer is null)
        {
            Refuse(id, Protocol.Gateway, "The client ended its call, or its session, without an answer.");
        }
        else
        {
            send(Frames.WithId(answer, id));
        }
    }

    private void Refuse(string id, int code, string why) => send(Frames.Error(id, code, why));
}
