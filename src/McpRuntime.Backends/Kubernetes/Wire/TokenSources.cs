namespace McpRuntime.Backends.Kubernetes.Wire;

/// <summary>What is sent as the bearer token; asked before every request, so that it must be cheap.</summary>
public interface ITokenSource
{
    /// <summary>Null: none is sent.</summary>
    /// <exception cref="BackendFault">It can't be had.</exception>
    ValueTask<string?> ReadAsync(CancellationToken ct);

    /// <summary>The server refused the last one. True: the next may be another, so that asking again makes sense.</summary>
    bool Renew();
}

internal sealed class FixedToken(string? token) : ITokenSource
{
    public ValueTask<string?> ReadAsync(CancellationToken ct) => new(token);

    public bool Renew() => false;
}

/// <summary>A token in a file that somebody else renews.</summary>
internal sealed class FileToken(string path, TimeProvider time) : ITokenSource
{
    /// <summary>The kubelet replaces a token when 80 % of its life is over; a minute is well within the rest.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);

    private Held? _held;

    public async ValueTask<string?> ReadAsync(CancellationToken ct)
    {
        if (_held is { } held && time.GetElapsedTime(held.At) < Fresh)
        {
            return held.Token;
        }

        try
        {
            var token = (await File.ReadAllTextAsync(path, ct)).Trim();
            _held = new Held(token, time.GetTimestamp());
            return token;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BackendFault(new(Core.Planning.FaultKind.Unauthorized, "TokenUnreadable", $"The token for the cluster at {path} can't be read: {e.Message}"), e);
        }
    }

    public bool Renew()
    {
        var had = _held is not null;
        _held = null;
        return had;
    }

    private sealed record Held(string Token, long At);
}
