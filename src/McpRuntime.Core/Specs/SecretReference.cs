using System.Diagnostics.CodeAnalysis;

namespace McpRuntime.Core.Specs;

/// <summary>Where a secret is read from, instead of its value.</summary>
public abstract record SecretReference
{
    public const string Scheme = "secret://";

    /// <summary>Only variables with this prefix can be referred to: the service's own secrets can't.</summary>
    public const string EnvironmentPrefix = "MCPSECRET_";

    private const int Longest = 1024;

    private const string Forms = "a reference is secret://env/MCPSECRET_NAME, secret://file/path or secret://kubernetes/namespace/name/key";

    private SecretReference()
    {
    }

    public abstract T Match<T>(Func<Env, T> env, Func<File, T> file, Func<Kubernetes, T> kubernetes);

    public static bool IsReference(string text) => text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);

    public static bool TryParse(string? text, [NotNullWhen(true)] out SecretReference? reference, [NotNullWhen(false)] out string? error)
    {
        reference = null;
        if (text is null || !text.StartsWith(Scheme, StringComparison.Ordinal) || text.Length > Longest)
        {
            error = Forms;
            return false;
        }

        var parts = text[Scheme.Length..].Split('/');
        (reference, error) = parts[0] switch
        {
            "env" => ParseEnv(parts),
            "file" => ParseFile(parts),
            "kubernetes" => ParseKubernetes(parts),
            _ => (null, Forms),
        };
        return reference is not null;
    }

    private static (SecretReference?, string?) ParseEnv(string[] parts) =>
        parts.Length == 2 && parts[1].Length > EnvironmentPrefix.Length && parts[1].StartsWith(EnvironmentPrefix, StringComparison.Ordinal) && EnvironmentName.TryParse(parts[1], out _, out _)
            ? (new Env(parts[1]), null)
            : (null, $"secret://env/ takes one name that begins with {EnvironmentPrefix}");

    private static (SecretReference?, string?) ParseFile(string[] parts) =>
        parts.Length > 1 && parts.Skip(1).All(IsFilePart)
            ? (new File(string.Join('/', parts.Skip(1))), null)
            : (null, "secret://file/ takes a relative path of letters, digits, \".\", \"_\" and \"-\", without \"..\" or hidden files");

    private static (SecretReference?, string?) ParseKubernetes(string[] parts) =>
        parts.Length == 4 && RuntimeName.IsLabel(parts[1]) && parts[2].Length <= RuntimeName.LongestQualified && parts[2].Split('.').All(RuntimeName.IsLabel) && IsFilePart(parts[3])
            ? (new Kubernetes(parts[1], parts[2], parts[3]), null)
            : (null, "secret://kubernetes/ takes namespace/name/key");

    private static bool IsFilePart(string part) =>
        part.Length is > 0 and <= 253 && part[0] != '.' && part.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    /// <param name="Name">A variable of the service's environment; begins with <see cref="EnvironmentPrefix"/>.</param>
    public sealed record Env(string Name) : SecretReference
    {
        public override T Match<T>(Func<Env, T> env, Func<File, T> file, Func<Kubernetes, T> kubernetes) => env(this);
    }

    /// <param name="Path">Below RUNTIME_SECRETS_DIR/&lt;team&gt;; no <c>..</c>, no hidden files. Links are the reader's to check.</param>
    public sealed record File(string Path) : SecretReference
    {
        public override T Match<T>(Func<Env, T> env, Func<File, T> file, Func<Kubernetes, T> kubernetes) => file(this);
    }

    public sealed record Kubernetes(string Namespace, string Name, string Key) : SecretReference
    {
        public override T Match<T>(Func<Env, T> env, Func<File, T> file, Func<Kubernetes, T> kubernetes) => kubernetes(this);
    }
}
