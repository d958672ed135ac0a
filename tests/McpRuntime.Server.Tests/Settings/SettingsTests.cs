using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Tests.Settings;

internal sealed class SettingsTests
{
    [Test]
    public void Without_any_variable_the_documented_defaults_hold()
    {
        var settings = Parse();

        settings.Enabled.Should().BeFalse();
        settings.DefaultBackend.Should().Be("docker");
        settings.Docker.Enabled.Should().BeTrue();
        settings.Docker.Host.Should().Be(new Uri("unix:///var/run/docker.sock"));
        settings.CodeEngine.Enabled.Should().BeFalse();
        settings.Approvals.Should().BeNull();
        settings.AllowedRegistries.Should().Equal("docker.io", "ghcr.io");
        settings.Catalog.RemoteTimeout.Should().Be(TimeSpan.FromSeconds(15));
        settings.Storage.DeletedRetention.Should().Be(TimeSpan.FromDays(7));
        settings.GuardrailsMode.Should().Be(GuardrailsMode.Warn);
        settings.Urls.Should().Be("http://127.0.0.1:8080");
        settings.Warnings.Should().BeEmpty();
    }

    [Test]
    public void Approvals_have_their_documented_defaults_once_they_are_on()
    {
        var approvals = Parse(("RUNTIME_APPROVAL_ENABLED", "true")).Approvals!;

        approvals.RequiredSourceTypes.Should().Equal("github");
        approvals.RegistryAllowlist.Should().Equal("docker.io/library", "docker.io/mcp");
        approvals.RequiredGuardrailsProfiles.Should().Equal("unrestricted");
        approvals.Approvers.Should().BeEmpty();
        approvals.Timeout.Should().Be(TimeSpan.FromHours(48));
    }

    [TestCase("MCPGATEWAY_RUNTIME_ENABLED", "maybe", "true and false")]
    [TestCase("RUNTIME_DEFAULT_BACKEND", "podman", "docker, ibm_code_engine, kubernetes")]
    [TestCase("RUNTIME_CATALOG_REMOTE_TIMEOUT_SECONDS", "0", "1 to 120")]
    [TestCase("RUNTIME_CATALOG_REMOTE_TIMEOUT_SECONDS", "121", "1 to 120")]
    [TestCase("RUNTIME_CATALOG_REMOTE_TIMEOUT_SECONDS", "soon", "1 to 120")]
    [TestCase("RUNTIME_CATALOG_REMOTE_URLS", "ftp://x.example/", "https or http")]
    [TestCase("RUNTIME_CATALOG_REMOTE_URLS", "[\"https://x.example/\"", "JSON array")]
    [TestCase("RUNTIME_APPROVAL_TIMEOUT_HOURS", "169", "1 to 168")]
    [TestCase("RUNTIME_APPROVAL_REQUIRED_SOURCE_TYPES", "helm", "docker, github, compose")]
    [TestCase("RUNTIME_GUARDRAILS_MODE", "strict", "warn, approve, refuse")]
    [TestCase("RUNTIME_GATEWAY", "nginx", "embedded, contextforge")]
    [TestCase("RUNTIME_JWT_SECRET", "short", "32 bytes")]
    [TestCase("RUNTIME_OIDC_AUTHORITY", "http://id.example.com", "https")]
    [TestCase("RUNTIME_PUBLIC_URL", "https://user:pass@x.example", "without user name")]
    [TestCase("RUNTIME_DOCKER_SUBNET_POOL", "10.0.0.0/30", "/8 to /27")]
    [TestCase("RUNTIME_ALLOW_PRIVATE_ADDRESSES", "10.0.0.1-10.0.0.9", "10.0.0.0/8")]
    [TestCase("RUNTIME_HOST_PATHS", "data", "absolute")]
    [TestCase("RUNTIME_CATALOG_FILE", "/nowhere/catalog.yml", "no readable file")]
    [TestCase("RUNTIME_SOURCE_POLICY", "{\"git:a\": {\"role\": \"king\"}}", "viewer, caller, operator, approver, admin")]
    [TestCase("RUNTIME_SOURCE_POLICY", "[]", "JSON object")]
    [TestCase("RUNTIME_GITOPS_REPOS", "{}", "JSON array")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a", "url": "https://g.example/a/b", "branch": "main"}]""", "\"interval_seconds\"")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "A b", "url": "https://g.example/a/b"}]""", "[0].name")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a", "url": "https://g.example/a/b"}, {"name": "a", "url": "https://g.example/a/c"}]""", "[1].name: stands twice")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a"}]""", "[0].url: is missing")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a", "url": "file:///etc"}]""", "RUNTIME_GIT_PROTOCOLS allows https")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a", "url": "ssh://git@g.example/a/b"}]""", "use https with a token")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a", "url": "https://g.example/a/b", "ref": "--upload-pack=touch x"}]""", "[0].ref")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a", "url": "https://g.example/a/b", "ref": "a..b"}]""", "[0].ref")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a", "url": "https://g.example/a/b", "path": "../up"}]""", "[0].path")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a", "url": "https://g.example/a/b", "interval_seconds": 1}]""", "5 to 86400")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a", "url": "https://g.example/a/b", "credentials": "/nowhere"}]""", "never a password")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a", "url": "https://g.example/a/b", "verify_signatures": true}]""", "RUNTIME_GIT_ALLOWED_SIGNERS")]
    [TestCase("RUNTIME_GIT_PROTOCOLS", "https,ext", "https, http and file")]
    [TestCase("ASPNETCORE_URLS", "8080", "http://address:port")]
    public void A_wrong_value_is_named_with_what_is_allowed(string name, string value, string allowed)
    {
        var parse = () => Parse((name, value));

        parse.Should().Throw<InvalidSettings>().Which.Errors.Should().Contain(error => error.StartsWith(name, StringComparison.Ordinal) && error.Contains(allowed));
    }

    [Test]
    public void Seccomp_profiles_are_a_folder_or_a_map_and_judged_at_start()
    {
        var folder = Directory.CreateTempSubdirectory("seccomp-").FullName;
        File.WriteAllText($"{folder}/tight.json", """{ "defaultAction": "SCMP_ACT_ERRNO" }""");
        const string Variable = "RUNTIME_SECCOMP_PROFILES";

        Parse((Variable, folder)).Docker.Profiles.Seccomp.Should().Equal(new Dictionary<string, string> { ["tight"] = """{"defaultAction":"SCMP_ACT_ERRNO"}""" });
        Parse((Variable, $$"""{"other":"{{folder}}/tight.json"}""")).Docker.Profiles.Seccomp.Keys.Should().Equal("other");
        File.WriteAllText($"{folder}/wide.json", """{ "defaultAction": "ALLOW" }""");
        File.WriteAllText($"{folder}/unconfined.json", """{ "defaultAction": "SCMP_ACT_ALLOW" }""");
        var parse = () => Parse((Variable, folder));
        parse.Should().Throw<InvalidSettings>().Which.Errors.Should().HaveCount(2)
            .And.OnlyContain(error => error.StartsWith(Variable, StringComparison.Ordinal) && (error.Contains("wide") || error.Contains("unconfined")));
        Directory.Delete(folder, recursive: true);
    }

    [TestCase("unix:///var/run/docker.sock", null, null)]
    [TestCase("tcp://127.0.0.1:2375", null, null)]
    [TestCase("tcp://engine.example:2376", null, "engine.example")]
    [TestCase("tcp://engine.example:2376", "guard.example", "guard.example")]
    public void The_guard_of_a_remote_engine_is_reached_where_the_engine_is(string engine, string? asked, string? published)
    {
        Parse(("DOCKER_HOST", engine), ("RUNTIME_GUARD_PUBLISH_ON", asked ?? "")).Docker.Guard.PublishOn.Should().Be(published);
    }

    [Test]
    public void Every_wrong_variable_is_told_at_once()
    {
        var parse = () => Parse(("RUNTIME_DEFAULT_BACKEND", "x"), ("RUNTIME_GATEWAY", "y"), ("RUNTIME_APPROVAL_TIMEOUT_HOURS", "z"));

        parse.Should().Throw<InvalidSettings>().Which.Errors.Should().HaveCount(3);
    }

    [TestCase("RUNTIME_PUBLIC_URL", "https://user:hunter2@x.example")]
    [TestCase("RUNTIME_GITOPS_REPOS", """[{"name": "a", "url": "https://user:hunter2@g.example/a/b"}]""")]
    public void Credentials_in_a_rejected_url_are_not_echoed(string name, string value)
    {
        var parse = () => Parse((name, value));

        parse.Should().Throw<InvalidSettings>().Which.Message.Should().NotContain("hunter2");
    }

    [TestCase("[\"docker.io\",\"quay.io/team\"]")]
    [TestCase("docker.io,quay.io/team")]
    [TestCase(" docker.io , quay.io/team ,")]
    public void A_list_is_json_or_comma_separated(string text)
    {
        Parse(("RUNTIME_DOCKER_ALLOWED_REGISTRIES", text)).AllowedRegistries.Should().Equal("docker.io", "quay.io/team");
    }

    [Test]
    public void Of_the_hosts_own_addresses_the_public_ones_are_denied_to_servers()
    {
        string[] own = ["127.0.0.1", "10.0.0.1", "172.17.0.1", "fe80::1", "::1", "198.51.100.7", "8.8.8.8", "2606:4700:0:1:a:b:c:d", "2606:4700:0:1:1:2:3:4", "8.8.8.8"];

        OwnAddresses.Of(own.Select(System.Net.IPAddress.Parse)).Should().Equal("2606:4700:0:1::/64", "8.8.8.8/32");
    }

    [TestCase("carol", "[{\"name\": \"infra\", \"url\": \"https://github.com/acme/infra\"}]", true)]
    [TestCase("carol,dave", "[{\"name\": \"infra\", \"url\": \"https://github.com/acme/infra\"}]", false)]
    [TestCase("carol", "[]", false)]
    public void One_approver_alone_beside_a_source_that_names_nobody_is_warned_about(string approvers, string repos, bool warned)
    {
        Parse(("RUNTIME_APPROVAL_ENABLED", "true"), ("RUNTIME_APPROVERS", approvers), ("RUNTIME_GITOPS_REPOS", repos))
            .Warnings.Any(warning => warning.Contains("two approvers", StringComparison.Ordinal)).Should().Be(warned);
    }

    [Test]
    public void An_empty_list_is_not_the_default()
    {
        Parse(("RUNTIME_DOCKER_ALLOWED_REGISTRIES", "[]")).AllowedRegistries.Should().BeEmpty();
    }

    [Test]
    public void An_unknown_name_of_ours_is_warned_about_with_the_nearest_known_one()
    {
        Parse(("RUNTIME_APPROVERZ", "a"), ("MCPGATEWAY_SOMETHING", "b"), ("PATH", "c")).Warnings.Should().BeEquivalentTo(
            "MCPGATEWAY_SOMETHING is not a setting",
            "RUNTIME_APPROVERZ is not a setting; did you mean RUNTIME_APPROVERS?");
    }

    [Test]
    public void No_secret_is_in_the_printed_settings()
    {
        const string Canary = "canary-0123456789-0123456789-0123456789";
        var settings = Parse(("RUNTIME_JWT_SECRET", Canary), ("RUNTIME_MASTER_KEY", Canary), ("RUNTIME_CONTEXTFORGE_TOKEN", Canary), ("RUNTIME_DATABASE_URL", "postgres://u:" + Canary + "@h/d"));

        settings.ToString().Should().NotContain(Canary);
        settings.Access.JwtSecret!.Reveal().Should().Be(Canary);
    }

    [Test]
    public void A_source_policy_says_role_teams_and_profiles()
    {
        var policy = Parse(("RUNTIME_SOURCE_POLICY", """{"git:infra": {"role": "admin", "teams": ["a"], "profiles": true}, "crd:c1": {}}""")).Sources.Policy;

        policy["git:infra"].Role.Should().Be(Roles.Admin);
        policy["git:infra"].Teams.Should().Equal("a");
        policy["git:infra"].Profiles.Should().BeTrue();
        policy["crd:c1"].Role.Should().Be(Roles.Operator);
    }

    [Test]
    public void Custom_resources_are_off_until_asked_for_and_then_have_an_owner_and_namespaces()
    {
        Parse(("RUNTIME_CUSTOM_RESOURCES_CLUSTER", "prod")).Kubernetes.CustomResources.Should().BeNull();
        var settings = Parse(("RUNTIME_CUSTOM_RESOURCES_ENABLED", "true"), ("RUNTIME_CUSTOM_RESOURCES_CLUSTER", "prod"), ("RUNTIME_CUSTOM_RESOURCES_NAMESPACES", "a,b"));

        settings.Kubernetes.CustomResources!.Owner.Should().Be("crd:prod");
        settings.Kubernetes.CustomResources.Namespaces.Should().Equal("a", "b");
        Parse(("RUNTIME_SOURCE_POLICY", """{"crd:prod": {"namespaces": {"a": "blue"}}}""")).Sources.Policy["crd:prod"].Namespaces.Should().Contain("a", "blue");
    }

    [TestCase("RUNTIME_CUSTOM_RESOURCES_CLUSTER", "a.b")]
    [TestCase("RUNTIME_CUSTOM_RESOURCES_NAMESPACES", "A")]
    public void A_cluster_and_a_namespace_have_names_as_Kubernetes_has_them(string name, string value)
    {
        var parse = () => Parse((name, value));

        parse.Should().Throw<InvalidSettings>().Which.Errors.Should().Contain(error => error.StartsWith(name, StringComparison.Ordinal));
    }

    [Test]
    public void The_env_file_takes_quotes_comments_and_export()
    {
        DotEnv.Parse("# c\n\nA=1\nexport B = \"two # words\"\nC='x'\nD=v # comment\r\nE=\n", ".env").Should().BeEquivalentTo(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["A"] = "1",
            ["B"] = "two # words",
            ["C"] = "x",
            ["D"] = "v",
            ["E"] = "",
        });
    }

    [Test]
    public void A_broken_line_of_the_env_file_is_named_by_number_and_not_shown()
    {
        var parse = () => DotEnv.Parse("A=1\nhunter2", ".env");

        parse.Should().Throw<InvalidSettings>().Which.Message.Should().Contain(".env:2").And.NotContain("hunter2");
    }

    [TestCase("RUNTIME_IBM_CODE_ENGINE_REGION", "eu-de.evil.example/", "eu-de or us-south")]
    [TestCase("RUNTIME_IBM_CODE_ENGINE_REGION", "evil.example#-", "eu-de or us-south")]
    [TestCase("RUNTIME_IBM_CODE_ENGINE_REGION", "EU-DE", "eu-de or us-south")]
    [TestCase("RUNTIME_IBM_CODE_ENGINE_REGION", "eu--de", "eu-de or us-south")]
    [TestCase("RUNTIME_IBM_CODE_ENGINE_REGION", "germany", "eu-de or us-south")]
    [TestCase("RUNTIME_IBM_CODE_ENGINE_PROJECT_ID", "my-project", "not its name")]
    [TestCase("RUNTIME_IBM_CODE_ENGINE_PROJECT_ID", "01234567-89ab-cdef-0123-456789abcdef/apps", "not its name")]
    public void A_project_that_cannot_be_one_is_refused_by_the_name_of_its_variable(string name, string value, string allowed)
    {
        var right = CodeEngine().Where(variable => variable.Name != name);

        var parse = () => Parse([.. right, (name, value)]);

        parse.Should().Throw<InvalidSettings>().Which.Errors.Should().ContainSingle().Which.Should().StartWith(name).And.Contain(allowed);
    }

    [TestCase("eu-de")]
    [TestCase("us-south")]
    [TestCase("jp-osa")]
    public void A_project_in_a_region_is_taken(string region) =>
        Parse([.. CodeEngine().Where(variable => variable.Name != "RUNTIME_IBM_CODE_ENGINE_REGION"), ("RUNTIME_IBM_CODE_ENGINE_REGION", region)]).CodeEngine.Region.Should().Be(region);

    private static (string Name, string Value)[] CodeEngine() =>
    [
        ("RUNTIME_IBM_CODE_ENGINE_ENABLED", "true"),
        ("RUNTIME_IBM_CODE_ENGINE_API_KEY", "a key"),
        ("RUNTIME_IBM_CODE_ENGINE_REGION", "eu-de"),
        ("RUNTIME_IBM_CODE_ENGINE_PROJECT_ID", "01234567-89ab-cdef-0123-456789abcdef"),
    ];

    private static RuntimeSettings Parse(params (string Name, string Value)[] variables) =>
        SettingsParser.Parse(variables.ToDictionary(pair => pair.Name, pair => pair.Value, StringComparer.Ordinal));
}
