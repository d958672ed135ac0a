using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Manifests;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Tests.Manifests;

internal sealed class ManifestReaderTests
{
    private const string Head = "apiVersion: mcpruntime.dev/v1alpha1\nkind: McpRuntime\nmetadata: {name: weather}\n";

    [Test]
    public void Every_field_of_a_manifest_is_the_requests_field()
    {
        var runtime = Read("""
            apiVersion: mcpruntime.dev/v1alpha1
            kind: McpRuntime
            metadata:
              name: weather
              namespace: tools
              labels: {a: b}
              annotations: {whatever/they-like: "1"}
            spec:
              backend: docker
              catalogServerId: acme/weather
              source:
                type: github
                image: i
                command: [a, "--b", ""]
                repo: o/n
                ref: r
                branch: b
                commit: c
                dockerfile: D
                context: x
                buildArgs: {A: "1"}
                pushToRegistry: true
                registry: ghcr.io/o
                composeFile: |
                  services: {}
                path: p
                mainService: web
              guardrails:
                profile: restricted
                overrides:
                  network: {egressAllowed: true, allowedHosts: [a.example], ingressPorts: [8080]}
                  filesystem: {readOnlyRoot: true, allowedMounts: [/data]}
                  capabilities: {dropAll: true, add: [CHOWN]}
                  resources: {cpu: 250m, memory: 64Mi, maxPids: 10, minScale: 0, maxScale: 1, timeoutSeconds: 60}
                  seccomp: runtime/default
                  apparmor: docker-default
                  process: {runAsNonRoot: true, noNewPrivileges: true}
                  images: {requireDigest: false}
                  mode: refuse
              resources: {cpu: 0.50, memory: 512m, maxPids: 99, minScale: 1, maxScale: 2, timeoutSeconds: 30}
              environment:
                - {name: LOG, value: debug}
                - name: KEY
                  secretKeyRef: {name: weather-key, key: api}
              volumes: [/data]
              gateway: {register: false, name: w, transport: SSE, port: 8080, path: /mcp}
              state: Stopped
              suspend: true
              visibility: team
              teamId: blue
              tags: [t]
              metadata: {owner: them}
              requestedReason: because
            status:
              whatever: [1, 2]
            """);

        runtime.Name.Should().Be("weather");
        runtime.Namespace.Should().Be("tools");
        runtime.State.Should().Be(DesiredState.Stopped);
        runtime.Suspend.Should().BeTrue();
        var limits = new ResourceRequest("250m", "64Mi", 10, 0, 1, 60);
        runtime.Request.Should().BeEquivalentTo(new DeployRequest
        {
            Name = "weather.tools",
            Backend = "docker",
            CatalogServerId = "acme/weather",
            Source = new SourceRequest
            {
                Type = "github",
                Image = "i",
                Command = ["a", "--b", ""],
                Repo = "o/n",
                Ref = "r",
                Branch = "b",
                Commit = "c",
                Dockerfile = "D",
                Context = "x",
                BuildArgs = new Dictionary<string, string>(StringComparer.Ordinal) { ["A"] = "1" },
                PushToRegistry = true,
                Registry = "ghcr.io/o",
                ComposeFile = "services: {}\n",
                Path = "p",
                MainService = "web",
            },
            GuardrailsProfile = "restricted",
            GuardrailsOverrides = new GuardrailsOverrides
            {
                Network = new(true, ["a.example"], [8080]),
                Filesystem = new(true, ["/data"]),
                Capabilities = new(true, ["CHOWN"]),
                Resources = limits,
                Seccomp = "runtime/default",
                Apparmor = "docker-default",
                Process = new(true, true),
                Images = new(false),
                Mode = GuardrailsMode.Refuse,
            },
            Resources = new("0.5", "512m", 99, 1, 2, 30),
            Environment = new Dictionary<string, SecretText>(StringComparer.Ordinal) { ["LOG"] = new("debug"), ["KEY"] = new("secret://kubernetes/tools/weather-key/api") },
            Volumes = ["/data"],
            RegisterGateway = false,
            GatewayName = "w",
            GatewayTransport = "SSE",
            EndpointPort = 8080,
            EndpointPath = "/mcp",
            Visibility = "team",
            TeamId = "blue",
            Tags = ["t"],
            Metadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["owner"] = "them", ["requested_reason"] = "because" },
        });
        runtime.Request.Environment!["KEY"].Reveal().Should().Be("secret://kubernetes/tools/weather-key/api");
        typeof(DeployRequest).GetProperties().Where(property => property.GetValue(runtime.Request) is null).Should().BeEmpty("every field of a request has its place in a manifest");
        typeof(SourceRequest).GetProperties().Where(property => property.GetValue(runtime.Request.Source) is null).Should().BeEmpty();
    }

    [Test]
    public void What_a_profile_leaves_out_is_as_in_standard()
    {
        var set = ManifestReader.Read("p.yaml", """
            apiVersion: mcpruntime.dev/v1alpha1
            kind: GuardrailProfile
            metadata: {name: team-blue}
            spec:
              description: For the blue team
              recommendedBackends: [docker]
              config:
                network: {egressAllowed: false}
            """);

        set.Errors.Should().BeEmpty();
        var profile = set.Profiles.Should().ContainSingle().Subject;
        profile.Name.Should().Be("team-blue");
        profile.Config.Should().BeEquivalentTo(BuiltInProfiles.Standard.Config with { Network = BuiltInProfiles.Standard.Config.Network with { EgressAllowed = false } });
    }

    [TestCase("spec: {source: {type: docker, image: a}, colour: red}", "f.yaml:4: document 1: spec.colour is not known here; known are backend, source, ")]
    [TestCase("spec: {source: {type: docker, image: a}}\nextra: 1", "f.yaml:5: document 1: extra is not known here; known are apiVersion, kind, status, metadata, spec")]
    [TestCase("spec:\n  source:\n    type: docker\n    image: 1.10", "f.yaml:7: document 1: spec.source.image must be text: put it in quotes")]
    [TestCase("spec:\n  source: {type: docker, image: a, command: [yes]}", "f.yaml:5: document 1: spec.source.command[0] must be text: put it in quotes")]
    [TestCase("spec:\n  gateway:\n    port: 0x50", "f.yaml:6: document 1: spec.gateway.port must be a whole number")]
    [TestCase("spec:\n  gateway:\n    port: \"80\"", "f.yaml:6: document 1: spec.gateway.port must be a whole number")]
    [TestCase("spec:\n  suspend: yes", "f.yaml:5: document 1: spec.suspend must be true or false, without quotes")]
    [TestCase("spec:\n  state: running", "f.yaml:5: document 1: spec.state \"running\" is not known: Running, Stopped")]
    [TestCase("spec:\n  source: docker", "f.yaml:5: document 1: spec.source must be a mapping, not a single value")]
    [TestCase("spec:\n  tags: {a: b}", "f.yaml:5: document 1: spec.tags must be a list, not a mapping")]
    [TestCase("spec:\n  environment:\n  - {name: A, value: \"1\"}\n  - {name: A, value: \"2\"}", "f.yaml:6: document 1: spec.environment names \"A\" twice")]
    [TestCase("spec:\n  environment:\n  - {name: A}", "f.yaml:6: document 1: spec.environment[0].value give exactly one of value and secretKeyRef")]
    [TestCase("spec:\n  environment:\n  - {name: A, value: x, secretKeyRef: {name: s, key: k}}", "spec.environment[0].value give exactly one of value and secretKeyRef")]
    [TestCase("spec:\n  environment:\n  - {name: A, secretKeyRef: {name: s, key: k}}", "spec.environment[0].secretKeyRef.name is in no namespace")]
    [TestCase("spec:\n  metadata: {requested_reason: a}\n  requestedReason: b", "f.yaml:6: document 1: spec.requestedReason stands in metadata.requested_reason too")]
    [TestCase("spec:\n  tags: [a]\n  tags: [b]", "f.yaml:6: document 1: spec the key \"tags\" stands twice")]
    [TestCase("", "f.yaml:1: document 1: spec is missing: what should run")]
    [TestCase("spec: []", "f.yaml:4: document 1: spec must be a mapping, not a list")]
    [TestCase("spec:\n\tx", "f.yaml:5: is not YAML")]
    public void What_is_wrong_is_told_with_file_line_document_and_field(string rest, string expected)
    {
        var set = ManifestReader.Read("f.yaml", Head + rest);

        set.Errors.Select(error => error.ToString()).Should().Contain(error => error.Contains(expected, StringComparison.Ordinal));
        set.Runtimes.Should().BeEmpty();
    }

    [TestCase("apiVersion: mcpruntime.dev/v1\nkind: McpRuntime", "f.yaml:1: document 1: apiVersion must be mcpruntime.dev/v1alpha1")]
    [TestCase("kind: McpRuntime", "f.yaml:1: document 1: apiVersion must be mcpruntime.dev/v1alpha1")]
    [TestCase("apiVersion: mcpruntime.dev/v1alpha1\nkind: McpRunTime", "f.yaml:2: document 1: kind must be McpRuntime or GuardrailProfile")]
    [TestCase("apiVersion: mcpruntime.dev/v1alpha1\nkind: McpRuntime\nmetadata: {name: A}\nspec: {}", "f.yaml:3: document 1: metadata.name \"A\" is not a name")]
    [TestCase("apiVersion: mcpruntime.dev/v1alpha1\nkind: McpRuntime\nmetadata: {name: a, namespace: ../x}\nspec: {}", "f.yaml:3: document 1: metadata.namespace \"../x\" is not a namespace")]
    [TestCase("apiVersion: mcpruntime.dev/v1alpha1\nkind: McpRuntime\nspec: {}", "metadata is missing")]
    [TestCase("apiVersion: mcpruntime.dev/v1alpha1\nkind: GuardrailProfile\nmetadata: {name: standard}\nspec: {}", "metadata.name \"standard\" is a built-in profile")]
    [TestCase("apiVersion: mcpruntime.dev/v1alpha1\nkind: GuardrailProfile\nmetadata: {name: p}\nspec: {config: {capabilities: {add: [NOSUCH]}}}", "spec.config.capabilities.add")]
    public void Ours_but_wrong_is_an_error_and_not_silence(string text, string expected) =>
        ManifestReader.Read("f.yaml", text).Errors.Select(error => error.ToString()).Should().Contain(error => error.Contains(expected, StringComparison.Ordinal));

    [Test]
    public void Other_kinds_are_ignored_and_counted()
    {
        var set = ManifestReader.Read("f.yaml", """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: x}
            data: {a: b}
            ---
            just: values
            ---
            - a
            - list
            ---
            # nothing
            ---
            apiVersion: mcpruntime.dev/v1alpha1
            kind: McpRuntime
            metadata: {name: a}
            spec: {source: {type: docker, image: a}}
            """);

        set.Errors.Should().BeEmpty();
        set.Ignored.Should().Be(3);
        set.Runtimes.Should().ContainSingle().Which.Origin.Should().Be(new ManifestOrigin("f.yaml", 4, 13));
    }

    [Test]
    public void What_kubectl_prints_as_a_list_is_its_items()
    {
        var set = ManifestReader.Read("f.json", """
            {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": [
              {"apiVersion": "mcpruntime.dev/v1alpha1", "kind": "McpRuntime", "metadata": {"name": "a", "uid": "u", "generation": 3, "managedFields": [{"manager": "kubectl"}]}, "spec": {"source": {"type": "docker", "image": "a"}}},
              {"apiVersion": "mcpruntime.dev/v1alpha1", "kind": "McpRuntime", "metadata": {"name": "b"}, "spec": {"gateway": {"port": "x"}}}
            ]}
            """);

        set.Runtimes.Should().ContainSingle().Which.Name.Should().Be("a");
        set.Errors.Should().ContainSingle().Which.Should().Match<ManifestError>(error => error.Document == 2 && error.Line == 3 && error.Path == "spec.gateway.port");
    }

    [Test]
    public void A_name_stands_once_in_all_files()
    {
        var set = ManifestReader.Read([new("a.yaml", Head + "spec: {source: {type: docker, image: a}}"), new("b/c.yaml", "---\n" + Head + "spec: {source: {type: docker, image: b}}")]);

        set.Errors.Should().ContainSingle().Which.ToString().Should().Be("b/c.yaml:4: document 1: metadata.name \"weather\" is declared in a.yaml:1 already");
        ManifestReader.Read([new("a.yaml", Head + "spec: {source: {type: docker, image: a}}"), new("b.yaml", Head.Replace("{name: weather}", "{name: weather, namespace: x}", StringComparison.Ordinal) + "spec: {source: {type: docker, image: b}}")])
            .Errors.Should().BeEmpty("another namespace is another name");
    }

    [Test]
    public void What_admission_says_of_the_request_is_told_of_the_manifest()
    {
        var runtime = Read(Head + """
            spec:
              source:
                type: docker
                image: a
              guardrails:
                profile: nosuch
              environment:
              - {name: API_KEY, value: x}
              gateway: {port: 99}
            """);

        runtime.ErrorAt(new("source.image", "bad")).Should().Be(new ManifestError("f.yaml", 1, 7, "spec.source.image", "bad"));
        runtime.ErrorAt(new("source.compose_file", "bad")).Should().Be(new ManifestError("f.yaml", 1, 6, "spec.source.composeFile", "bad"));
        runtime.ErrorAt(new("guardrails_profile", "bad")).Should().Be(new ManifestError("f.yaml", 1, 9, "spec.guardrails.profile", "bad"));
        runtime.ErrorAt(new("guardrails_overrides.network.allowed_hosts[0]", "bad")).Path.Should().Be("spec.guardrails.overrides.network.allowedHosts[0]");
        runtime.ErrorAt(new("environment.API_KEY", "bad")).Should().Be(new ManifestError("f.yaml", 1, 11, "spec.environment.API_KEY", "bad"));
        runtime.ErrorAt(new("endpoint_port", "bad")).Line.Should().Be(12);
        runtime.ErrorAt(new("team_id", "bad")).Should().Be(new ManifestError("f.yaml", 1, 5, "spec.teamId", "bad"));
    }

    [Test]
    public void A_file_that_is_too_large_is_named_and_not_read()
    {
        var set = ManifestReader.Read("huge.yaml", new string('a', ManifestReader.Longest + 1));

        set.Errors.Should().ContainSingle().Which.ToString().Should().Be($"huge.yaml:1: has {ManifestReader.Longest + 1} characters; at most {ManifestReader.Longest} are read");
    }

    [Test]
    public void Aliases_that_unfold_without_end_are_an_error()
    {
        var bomb = string.Concat(Enumerable.Range(0, 30).Select(i => $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat(i == 0 ? "x" : $"*a{i - 1}", 10))}]\n"));

        ManifestReader.Read("bomb.yaml", bomb).Errors.Should().ContainSingle().Which.Message.Should().Contain("nodes");
    }

    [Test]
    public void No_error_holds_the_value_of_a_variable()
    {
        var set = ManifestReader.Read("f.yaml", Head + "spec:\n  environment:\n  - {name: A, value: [canary-1]}\n  - {name: B, value: 12345678}\n  - {name: \"C=canary-3\", value: canary-4, other: canary-5}\n");

        set.Errors.Should().HaveCountGreaterThan(2);
        string.Join('\n', set.Errors).Should().NotContainAny("canary-1", "12345678", "canary-4", "canary-5");
    }

    [Test]
    public void No_text_makes_it_throw()
    {
        string[] pieces = [Head, "spec:", "\n", "  ", "- ", "{", "}", "[", "]", ": ", "&a ", "*a", "<<: *a", "---\n", "\"", "'", "\\u0000", "\0", "source", "!!binary ", "%YAML 1.1\n", "\t", "|\n", "items", "kind: List\n", "null", "1e999", "é", "\ud800"];
        Seeded.Times(3_000, random =>
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => random.Pick(pieces)));
            ManifestReader.Read("f", text).Invoking(set => set.Errors.Select(error => error.ToString()).ToList()).Should().NotThrow();
        });
    }

    private static RuntimeManifest Read(string text)
    {
        var set = ManifestReader.Read("f.yaml", text);
        set.Errors.Should().BeEmpty();
        return set.Runtimes.Should().ContainSingle().Subject;
    }
}
