using System.Globalization;
using System.Text;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Http;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine.Wire;

/// <summary>What commit a branch or tag of a public repository is, by git's smart HTTP protocol: one question, nothing cloned.</summary>
internal sealed class GitRefs(PublicHttp http)
{
    /// <summary>A repository of 100,000 refs tells about 8 MB of them.</summary>
    private const long LargestReply = 32 << 20;

    /// <exception cref="BackendFault">Not reached, not a repository, or no such ref.</exception>
    public async Task<string> CommitAsync(string repository, string reference, CancellationToken ct)
    {
        if (reference.Length == 40 && reference.All(char.IsAsciiHexDigitLower))
        {
            return reference;
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(repository.TrimEnd('/') + "/info/refs?service=git-upload-pack"));
        var refs = await http.AskAsync(request, $"The repository {repository}", async (reply, limited) =>
        {
            if (!reply.IsSuccessStatusCode)
            {
                var missing = (int)reply.StatusCode is 401 or 403 or 404;
                throw new BackendFault(new Fault(
                    missing ? FaultKind.Refused : FaultKind.Transient, missing ? "RepositoryNotFound" : "RepositoryError", $"{repository} answered {(int)reply.StatusCode}: is the name right, and the repository public?"));
            }

            await using var body = new BoundedStream(await reply.Content.ReadAsStreamAsync(limited), LargestReply);
            using var text = new StreamReader(body, Encoding.UTF8);
            return Parse(await text.ReadToEndAsync(limited));
        }, ct);

        // An annotated tag's own object is no commit; the peeled entry is.
        string[] names = reference == "HEAD" ? ["HEAD"] : [$"refs/heads/{reference}", $"refs/tags/{reference}^{{}}", $"refs/tags/{reference}", reference];
        return names.Select(refs.GetValueOrDefault).FirstOrDefault(commit => commit is not null)
            ?? throw new BackendFault(new Fault(FaultKind.Refused, "RefNotFound", $"{repository} has no branch or tag \"{reference}\"."));
    }

    /// <summary>pkt-lines: four hex digits of length (themselves included), then <c>id name[\0capabilities]</c>; 0000 is a pause.</summary>
    internal static Dictionary<string, string> Parse(string reply)
    {
        var refs = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var at = 0; at + 4 <= reply.Length;)
        {
            if (!int.TryParse(reply.AsSpan(at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var length) || (length != 0 && length < 4) || at + length > reply.Length)
            {
                throw new BackendFault(new Fault(FaultKind.Refused, "NotARepository", "The address does not answer as a git repository does: leave out what follows the repository's name."));
            }

            var line = length == 0 ? "" : reply.Substring(at + 4, length - 4).TrimEnd('\n').Split('\0')[0];
            at += Math.Max(length, 4);
            if (line.Length > 41 && line[40] == ' ' && line.Take(40).All(char.IsAsciiHexDigitLower))
            {
                refs[line[41..]] = line[..40];
            }
        }

        return refs;
    }
}
