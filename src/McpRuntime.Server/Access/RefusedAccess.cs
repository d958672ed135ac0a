using McpRuntime.Core.Records;

namespace McpRuntime.Server.Access;

/// <summary>The audit of who was turned away. Bounded, since anybody on the network can make an entry.</summary>
internal sealed partial class RefusedAccess(IAuditLog audit, TimeProvider time, ILogger<RefusedAccess> logger)
{
    private const int PerAddressAndMinute = 60;
    private const int MaxTarget = 200;

    private readonly TokenBuckets _buckets = new(PerAddressAndMinute, time);

    public async Task RecordAsync(HttpContext http, string subject, string why)
    {
        var address = http.Connection.RemoteIpAddress?.ToString();
        if (_buckets.Take(address ?? "") is not null)
        {
            return;
        }

        var target = http.Request.Path.ToUriComponent();
        target = target.Length <= MaxTarget ? target : target[..MaxTarget];
        Log.Refused(logger, subject, address, http.Request.Method, target, why);
        await audit.AppendAsync(
            new AuditEntry(0, time.GetUtcNow(), subject, "rest", address, "access:" + http.Request.Method, target, "refused: " + why, null, null),
            http.RequestAborted);
    }

    private static partial class Log
    {
        [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "Refused {Subject} from {Address}: {Method} {Target}: {Why}")]
        public static partial void Refused(ILogger logger, string subject, string? address, string method, string target, string why);
    }
}
