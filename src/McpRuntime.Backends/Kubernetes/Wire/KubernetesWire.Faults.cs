using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes.Wire;

/// <summary>What goes wrong, in one place: as one of our faults, with the server's own words.</summary>
public sealed partial class KubernetesWire
{
    private const int LongestWords = 1_000;

    private async Task<T> GuardAsync<T>(string path, Func<Task<T>> call, CancellationToken ct)
    {
        try
        {
            return await call();
        }
        catch (OperationCanceledException e)
        {
            ct.ThrowIfCancellationRequested();
            throw new BackendFault(new Fault(FaultKind.Transient, "KubernetesTimeout", $"The API server {Server.Authority} did not answer {PathOnly(path)} within {Usual.TotalSeconds:0} s."), e);
        }
        catch (JsonException e)
        {
            // Without the parser's words: an answer may hold a secret's data.
            throw Odd(path, "is not JSON", e);
        }
        catch (Exception e) when (IsBroken(e))
        {
            ct.ThrowIfCancellationRequested();
            throw Unreachable(e);
        }
    }

    private static bool IsBroken(Exception e) => e is HttpRequestException or IOException or SocketException or WebSocketException or AuthenticationException;

    private BackendFault Unreachable(Exception e) => e is AuthenticationException || e.InnerException is AuthenticationException
        ? new BackendFault(new Fault(
            FaultKind.Unauthorized, "CertificateNotTrusted", $"The certificate of the API server {Server.Authority} is not accepted: {e.GetBaseException().Message} Check certificate-authority in the kubeconfig."), e)
        : new BackendFault(new Fault(FaultKind.Transient, "KubernetesUnreachable", $"The API server {Server.Authority} cannot be reached: {e.GetBaseException().Message}"), e);

    private async Task<BackendFault> FaultOfAsync(HttpResponseMessage reply, Stream content, HttpMethod method, string path, CancellationToken ct)
    {
        var buffer = new byte[16_384];
        var length = await content.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, ct);
        var (reason, message) = StatusOf(Encoding.UTF8.GetString(buffer, 0, length));
        var pause = reply.Headers.RetryAfter is { } after ? after.Delta ?? after.Date - _time.GetUtcNow() : null;
        return new BackendFault(Of((int)reply.StatusCode, reason, message, pause, $"Kubernetes answered {((int)reply.StatusCode).ToString(CultureInfo.InvariantCulture)} to {method} {PathOnly(path)}"));
    }

    /// <summary>By the code, since the server's reasons are a set that grows; quotas by its words, which are all there is.</summary>
    internal static Fault Of(int code, string? reason, string message, TimeSpan? pause, string what)
    {
        var words = $"{what}: {(message.Length <= LongestWords ? message : message[..LongestWords] + "…")}";
        return code switch
        {
            403 when message.Contains("exceeded quota", StringComparison.Ordinal) => new Fault(FaultKind.Throttled, "QuotaExceeded", $"{words} Raise the namespace's quota, or delete something.", TimeSpan.FromSeconds(30)),
            403 when reason == "Forbidden" && message.Contains("because it is being terminated", StringComparison.Ordinal) => new Fault(FaultKind.Transient, "NamespaceTerminating", words),
            403 when message.Contains("User \"", StringComparison.Ordinal) => new Fault(FaultKind.Unauthorized, "KubernetesForbidden", $"{words} Grant it to the runtime's service account."),

            // An admission policy's final word on this content.
            403 => new Fault(FaultKind.Refused, "PolicyViolated", words),
            400 or 405 or 406 or 413 or 415 or 422 => new Fault(FaultKind.Refused, "KubernetesRefused", words),
            401 => new Fault(FaultKind.Unauthorized, "KubernetesDenied", $"{words} Check the kubeconfig's credentials."),
            404 => new Fault(FaultKind.Transient, "NotFound", words),
            409 => new Fault(FaultKind.Transient, Faults.Changed, words),
            410 => new Fault(FaultKind.Transient, Faults.Expired, words),
            429 => new Fault(FaultKind.Throttled, "KubernetesThrottled", words, pause ?? TimeSpan.FromSeconds(1)),
            _ => new Fault(FaultKind.Transient, Faults.Failed, words),
        };
    }

    private static (string? Reason, string Message) StatusOf(string text)
    {
        try
        {
            if (JsonNode.Parse(text) is JsonObject status && status["kind"].AsText() == "Status")
            {
                return (status["reason"].AsText(), status["message"].AsText() ?? "without a message");
            }
        }
        catch (JsonException)
        {
            // A proxy's page, or an aggregated API's plain words.
        }

        return (null, text.Length == 0 ? "without a word" : text.ReplaceLineEndings(" ").Trim());
    }

    private static BackendFault Odd(string path, string what, Exception? inner = null) =>
        new(new Fault(FaultKind.Transient, "KubernetesAnswer", $"The API server's answer to {PathOnly(path)} {what}."), inner);

    private static BackendFault NotServed(KubeKind kind, string? space) =>
        new(new Fault(FaultKind.Transient, Faults.NotServed, $"The API server has no {kind.Plural} in {kind.ApiVersion}{(space is null ? "" : $" (namespace {space})")}."));

    /// <summary>A write to what is not there: a namespace, or a kind that the server does not have.</summary>
    private static BackendFault Missing(KubeKind kind, string? space, string name) => new(new Fault(
        FaultKind.Transient, "NamespaceNotFound", $"{kind.Kind} {name} can't be written: there is no {(space is null ? $"such kind ({kind.ApiVersion})" : $"namespace {space}, or no such kind")}. Create the namespace, or name another in RUNTIME_KUBERNETES_NAMESPACE."));

    private static string PathOnly(string path) => "/" + (path.IndexOf('?', StringComparison.Ordinal) is var at and >= 0 ? path[..at] : path);

    /// <summary>Reasons that callers tell apart.</summary>
    public static class Faults
    {
        /// <summary>A watch or a page from too long ago: list anew.</summary>
        public const string Expired = "Expired";

        public const string Changed = "ChangedMeanwhile";

        /// <summary>The server answered with an error of its own, or of a webhook behind it.</summary>
        public const string Failed = "KubernetesError";

        /// <summary>The server has no such kind: a custom resource whose definition is not there.</summary>
        public const string NotServed = "KindNotServed";
    }
}
