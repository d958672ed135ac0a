using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Manifests;

/// <summary>
/// YAML or JSON texts → the runtimes and profiles they declare (<c>mcpruntime.dev/v1alpha1</c>). One reading for kubectl's objects,
/// files in Git and <c>mcpruntime convert</c>, so that one manifest means one thing. Never throws for what is in a text.
/// </summary>
public static class ManifestReader
{
    public const string Group = "mcpruntime.dev";

    public const string ApiVersion = $"{Group}/v1alpha1";

    public const string RuntimeKind = "McpRuntime";

    public const string ProfileKind = "GuardrailProfile";

    /// <summary>Characters of one file.</summary>
    public const int Longest = 4 * 1024 * 1024;

    /// <summary>Of all files: as many as a service can be expected to hold.</summary>
    public const int MostDocuments = 20_000;

    public static ManifestSet Read(string name, string text) => Read([new ManifestFile(name, text)]);

    public static ManifestSet Read(IEnumerable<ManifestFile> files)
    {
        var set = new Reading();
        foreach (var file in files)
        {
            set.Take(file);
        }

        return set.Finish();
    }

    /// <summary><c>metadata</c>: what is not the name and the namespace is the cluster's and other tools'.</summary>
    internal static (string? Name, string? Namespace) Identity(ManifestFields root)
    {
        root.Leave("apiVersion", "kind", "status");
        return root.Object("metadata", Of)?.Pair ?? root.Wrong<(string?, string?)>("metadata", "is missing: metadata.name is the runtime's name");

        static Named Of(ManifestFields metadata)
        {
            var (name, space) = (metadata.Text("name"), metadata.Text("namespace"));
            if (name is null)
            {
                metadata.Wrong<object>("name", "is missing");
            }
            else if (!name.Split('.').All(RuntimeName.IsLabel))
            {
                metadata.Wrong<object>("name", $"{Quoted.Of(name)} is not a name: lower-case letters, digits and hyphens, beginning and ending with a letter or digit, at most {RuntimeName.LongestLabel} characters");
            }

            if (space is not null && !RuntimeName.IsLabel(space))
            {
                metadata.Wrong<object>("namespace", $"{Quoted.Of(space)} is not a namespace");
            }

            metadata.LeaveOthers();
            return new Named((name, space));
        }
    }

    private sealed record Named((string? Name, string? Namespace) Pair);

    /// <summary>All files, one after the other; a name stands once in all of them.</summary>
    private sealed class Reading
    {
        private readonly ManifestErrors _errors = new();

        private readonly List<RuntimeManifest> _runtimes = [];

        private readonly List<ProfileManifest> _profiles = [];

        private readonly Dictionary<(string Kind, string Name), ManifestOrigin> _names = [];

        private int _documents;

        private int _ignored;

        public ManifestSet Finish() => new(_runtimes, _profiles, _ignored, _errors.All);

        public void Take(ManifestFile file)
        {
            if (file.Text.Length > Longest)
            {
                _errors.Add(new ManifestError(file.Name, ManifestError.NoDocument, 1, "", $"has {file.Text.Length} characters; at most {Longest} are read"));
                return;
            }

            try
            {
                var number = 0;
                foreach (var node in CatalogReader.Read(file.Text).SelectMany(Documents))
                {
                    if (++_documents > MostDocuments)
                    {
                        throw new CatalogFault(node.Line, $"is too much: there are more than {MostDocuments} documents in all");
                    }

                    Document(new ManifestOrigin(file.Name, ++number, node.Line), node);
                }
            }
            catch (CatalogFault fault)
            {
                _errors.Add(new ManifestError(file.Name, ManifestError.NoDocument, fault.Line, "", fault.Message));
            }
        }

        /// <summary>What <c>kubectl get -o yaml</c> writes is a list of objects, each a document here.</summary>
        private static IEnumerable<CatalogNode> Documents(CatalogNode root) =>
            root is CatalogNode.Map { Broken: null } map && Word(map, "kind") is { } kind && kind.EndsWith("List", StringComparison.Ordinal) && map.Find("items") is CatalogNode.List items
                ? items.Items
                : [root];

        private void Document(ManifestOrigin origin, CatalogNode node)
        {
            var document = new ManifestDocument(origin, _errors);
            if (node is not CatalogNode.Map map)
            {
                _ignored++;
                return;
            }

            if (map.Broken is { } broken)
            {
                document.Wrong<object>("", broken.Line, broken.Message);
                return;
            }

            var (version, kind) = (Word(map, "apiVersion"), Word(map, "kind"));
            if (version != ApiVersion && !IsOurs(version, kind))
            {
                _ignored++;
            }
            else if (version != ApiVersion)
            {
                document.Wrong<object>("apiVersion", map.Find("apiVersion")?.Line ?? map.Line, $"must be {ApiVersion}");
            }
            else if (kind is RuntimeKind or ProfileKind)
            {
                Manifest(document, map, kind);
            }
            else
            {
                document.Wrong<object>("kind", map.Find("kind")?.Line ?? map.Line, $"must be {RuntimeKind} or {ProfileKind}");
            }
        }

        private void Manifest(ManifestDocument document, CatalogNode.Map map, string kind)
        {
            var root = new ManifestFields(map, "", document);
            if (kind == RuntimeKind)
            {
                Keep(_runtimes, RuntimeManifestReader.Read, runtime => runtime.Request.Name!);
            }
            else
            {
                Keep(_profiles, ProfileManifestReader.Read, profile => profile.Name);
            }

            void Keep<T>(List<T> kept, Func<ManifestFields, T?> read, Func<T, string> nameOf)
                where T : class
            {
                var manifest = read(root);
                root.NoOthers();
                if (manifest is null || !document.IsGood)
                {
                    return;
                }

                if (_names.TryAdd((kind, nameOf(manifest)), document.Origin))
                {
                    kept.Add(manifest);
                }
                else
                {
                    var first = _names[(kind, nameOf(manifest))];
                    document.Wrong<object>("metadata.name", root.LineOf("metadata"), $"{Quoted.Of(nameOf(manifest))} is declared in {first.File}:{first.Line} already");
                }
            }
        }

        // Of our group in another version, or of our kind without a version: a mistake, and not somebody else's.
        private static bool IsOurs(string? version, string? kind) =>
            version is null ? kind is RuntimeKind or ProfileKind : version == Group || version.StartsWith(Group + "/", StringComparison.Ordinal);

        private static string? Word(CatalogNode.Map map, string key) => map.Find(key) is CatalogNode.Scalar scalar ? scalar.Value : null;
    }
}
