namespace McpRuntime.Server.Records.Secrets;

/// <summary>A path with every symbolic link in it followed, at every level: the framework resolves only the last one.</summary>
internal static class RealPath
{
    /// <summary>The kernel's own bound on links in one path (ELOOP).</summary>
    private const int MaxLinks = 40;

    public static string Of(string path)
    {
        var left = new Stack<string>(Segments(Path.GetFullPath(path)).Reverse());
        var real = Path.DirectorySeparatorChar.ToString();
        var links = 0;
        while (left.TryPop(out var segment))
        {
            if (segment == "..")
            {
                real = Path.GetDirectoryName(real) ?? real;
                continue;
            }

            var next = Path.Combine(real, segment);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }

            if (++links > MaxLinks)
            {
                throw new IOException("Too many symbolic links.");
            }

            real = Path.IsPathRooted(target) ? Path.DirectorySeparatorChar.ToString() : real;
            foreach (var part in Segments(target).Reverse())
            {
                left.Push(part);
            }
        }

        return real;
    }

    private static IEnumerable<string> Segments(string path) => path.Split('/').Where(segment => segment is not ("" or "."));
}
