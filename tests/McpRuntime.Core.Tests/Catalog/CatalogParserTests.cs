using McpRuntime.Core.Catalog;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Tests.Catalog;

internal sealed class CatalogParserTests
{
    [Test]
    public void Our_format_is_read_at_the_top_and_under_runtime()
    {
        var document = CatalogParser.Parse(Documents.Ours, CatalogEntry.LocalOrigin);

        document.Skipped.Should().BeEmpty();
        document.Entries.Select(e => e.Id).Should().Equal("acme/weather", "acme/search", "acme/notes", "acme/stack", "remote-only");
        document.Entries[0].Should().BeEquivalentTo(new CatalogEntry
        {
            Id = "acme/weather",
            Name = "Weather",
            Description = "Forecasts by place.",
            Category = "Data",
            Tags = ["weather", "api"],
            Icon = "https://acme.example/weather.png",
            DocumentationUrl = "https://acme.example/docs",
            Featured = true,
            Source = new SourceRequest { Type = "docker", Image = "ghcr.io/acme/weather:1.2" },
            SupportedBackends = ["docker", "kubernetes"],
            GuardrailsProfile = "restricted",
            RequiresApproval = true,
            EndpointPort = 3001,
            EndpointPath = "/mcp",
            Transport = GatewayTransport.StreamableHttp,
            Environment = [new("API_KEY", true, true, null, "from the account page"), new("REGION", false, false, "eu", null)],
            AllowedHosts = ["api.weather.example", "*.tiles.example:443"],
            Volumes = ["/data"],
            Origin = "file",
        });
        var search = document.Entries[1];
        search.Source.Should().BeEquivalentTo(new SourceRequest { Type = "github", Repo = "acme/search", Branch = "stable", Dockerfile = "docker/Dockerfile", BuildArgs = new Dictionary<string, string>(StringComparer.Ordinal) { ["VERSION"] = "2" } });
        search.Transport.Should().Be(GatewayTransport.Stdio, "the nested word is the server's own; the one at the top speaks of its URL");
        search.Environment.Should().BeEquivalentTo([new CatalogVariable("TOKEN", true, false, null, null)]);
        document.Entries[2].Source.Should().BeEquivalentTo(new SourceRequest { Type = "github", Repo = "https://github.com/acme/notes", Ref = "v3" });
        document.Entries[3].Source.Should().Match<SourceRequest>(s => s.Type == "compose" && s.MainService == "web" && s.ComposeFile!.Contains("services:", StringComparison.Ordinal));
        document.Entries[4].Should().Match<CatalogEntry>(e => e.Source == null && e.NotDeployableBecause!.Contains("elsewhere", StringComparison.Ordinal) && e.Tags.Count == 2);
    }

    [TestCase("catalog_servers")]
    [TestCase("servers")]
    [TestCase("")]
    public void The_list_may_stand_under_either_key_or_bare_in_yaml_or_json(string key)
    {
        const string Items = """[{"id":"a","name":"A","source":"nginx:1"},{"id":"b","source":{"type":"docker","image":"mcp/b","command":["--x","y"]}}]""";
        var json = key.Length == 0 ? Items : $$"""{"{{key}}":{{Items}}}""";
        var yaml = (key.Length == 0 ? "" : key + ":\n") + "- id: a\n  name: A\n  source: nginx:1\n- {id: b, source: {type: docker, image: mcp/b, command: [--x, 'y']}}\n";
        foreach (var text in new[] { json, yaml, "\n\n" + json.Replace(",", ",\n\t", StringComparison.Ordinal) })
        {
            var document = CatalogParser.Parse(text, "file");
            document.Skipped.Should().BeEmpty();
            document.Entries.Select(e => e.Source!.Image).Should().Equal("nginx:1", "mcp/b");
            document.Entries[1].Source!.Command.Should().Equal("--x", "y");
        }
    }

    [Test]
    public void One_broken_entry_is_skipped_with_its_id_reason_and_line_and_the_rest_load()
    {
        const string Text = """
            catalog_servers:
              - id: good
                source: nginx
              - id: bad-image
                source: NGINX
              - id: bad-port
                source: nginx
                endpoint_port: many
              - source: nginx
              - just a word
              - id: good
                source: nginx
              - id: "../../etc"
                source: nginx
              - id: twice
                name: a
                name: b
              - id: bad-backend
                source: nginx
                supported_backends: [podman]
              - id: bad-host
                source: nginx
                allowed_hosts: ["https://a.example/x"]
              - id: bad-env
                source: nginx
                environment: ["NOT A NAME"]
              - id: last
                source: nginx
            """;
        var document = CatalogParser.Parse(Text, "file");

        document.Entries.Select(e => e.Id).Should().Equal("good", "last");
        document.Skipped.Select(s => (s.Path, s.Message.Split(':')[0])).Should().Equal(
            ("bad-image", "line 5"), ("bad-port", "line 8"), ("[3]", "line 9"), ("[4]", "line 10"), ("good", "line 11"), ("\"../../etc\"", "line 13"), ("[7]", "line 17"), ("bad-backend", "line 20"), ("bad-host", "line 23"), ("bad-env", "line 26"));
        document.Skipped[0].Message.Should().Contain("lower case");
    }

    [Test]
    public void A_servers_json_is_an_image_with_its_arguments_environment_and_transport()
    {
        var entry = CatalogParser.Parse(Documents.ServerJson, "https://r.example").Entries.Should().ContainSingle().Subject;

        entry.Should().BeEquivalentTo(new CatalogEntry
        {
            Id = "io.github.acme/weather",
            Name = "Weather",
            Description = "Forecasts by place",
            Icon = "https://acme.example/w.png",
            DocumentationUrl = "https://acme.example",
            Source = new SourceRequest { Type = "docker", Image = "ghcr.io/acme/weather:1.0.2", Command = ["serve", "--units", "metric", "--region=eu", "--verbose"] },
            Transport = GatewayTransport.StreamableHttp,
            EndpointPort = 8787,
            EndpointPath = "/mcp",
            Environment =
            [
                new("API_KEY", true, true, null, "from the account page"), new("LOG_LEVEL", false, false, "info", null), new("PORT", false, false, "8787", null), new("ZONE", true, false, null, null),
            ],
            Origin = "https://r.example",
        });
    }

    [Test]
    public void The_older_snake_case_form_is_read_too()
    {
        const string Text = """
            {"name":"io.acme/old","description":"d","version":"1.0.0","packages":[{"registry_type":"oci","registry_base_url":"https://docker.io","identifier":"acme/old","version":"1.0.0",
             "environment_variables":[{"name":"KEY","is_required":true,"is_secret":true}]}]}
            """;
        var entry = CatalogParser.Parse(Text, "file").Entries.Should().ContainSingle().Subject;
        entry.Source!.Image.Should().Be("docker.io/acme/old:1.0.0");
        entry.Transport.Should().Be(GatewayTransport.Stdio);
        entry.Environment.Should().BeEquivalentTo([new CatalogVariable("KEY", true, true, null, null)]);
    }

    [Test]
    public void A_registrys_page_gives_the_latest_and_says_what_it_leaves_out()
    {
        var document = CatalogParser.Parse(Documents.RegistryPage, "https://r.example");
        document.Entries.Select(e => e.Id).Should().Equal("io.acme/now", "io.acme/going", "io.acme/npm", "io.acme/remote");
        document.Entries[1].Deprecated.Should().BeTrue();
        document.Entries[2].NotDeployableBecause.Should().Contain("npm");
        document.Entries[3].NotDeployableBecause.Should().Contain("elsewhere");
        document.Skipped.Select(s => s.Path).Should().Equal("io.acme/now", "io.acme/gone");
    }

    [TestCase("""{"type":"positional","valueHint":"path","isRequired":true}""", "packageArguments", "has to be given")]
    [TestCase("""{"type":"named","name":"--volume","value":"/:/host"}""", "runtimeArguments", "--volume")]
    [TestCase("""{"type":"positional","value":"--privileged"}""", "runtimeArguments", "--privileged")]
    public void An_argument_that_we_can_not_give_makes_it_listed_only(string argument, string list, string why)
    {
        var text = $$"""{"name":"io.acme/x","version":"1","packages":[{"registryType":"oci","identifier":"docker.io/acme/x:1","transport":{"type":"stdio"},"{{list}}":[{{argument}}]}]}""";
        CatalogParser.Parse(text, "file").Entries.Should().ContainSingle().Which.Should().Match<CatalogEntry>(e => e.Source == null && e.NotDeployableBecause!.Contains(why, StringComparison.Ordinal));
    }

    [Test]
    public void Docker_flags_that_set_variables_are_read_as_variables()
    {
        const string Text = """
            {"name":"io.acme/x","version":"1","packages":[{"registryType":"oci","identifier":"docker.io/acme/x:1","transport":{"type":"stdio"},"runtimeArguments":[
              {"type":"named","name":"-i"},{"type":"named","name":"--rm"},{"type":"named","name":"-e","value":"MODE=fast"},{"type":"named","name":"-e","value":"KEY={key}","isRequired":true,"variables":{"key":{"isSecret":true}}}]}]}
            """;
        var entry = CatalogParser.Parse(Text, "file").Entries.Should().ContainSingle().Subject;
        entry.Source!.Command.Should().BeNull();
        entry.Environment.Select(v => (v.Name, v.Default, v.Required)).Should().Equal(("KEY", null, true), ("MODE", "fast", false));
    }

    [Test]
    public void A_server_yaml_is_a_container_that_speaks_over_stdio()
    {
        var entry = CatalogParser.Parse(Documents.ServerYaml, "file").Entries.Should().ContainSingle().Subject;
        entry.Should().BeEquivalentTo(new CatalogEntry
        {
            Id = "weather",
            Name = "Weather",
            Description = "Forecasts by place.",
            Category = "data",
            Tags = ["weather", "data"],
            Icon = "https://acme.example/w.png",
            DocumentationUrl = "https://github.com/acme/weather",
            Source = new SourceRequest { Type = "docker", Image = "mcp/weather", Command = ["--stdio"] },
            Transport = GatewayTransport.Stdio,
            Environment = [new("API_KEY", true, true, null, "the key"), new("LANG", false, false, "en", null), new("MODE", false, false, "fast", null), new("URL", false, false, null, null)],
            AllowedHosts = ["api.weather.example:443"],
            DisableNetwork = false,
            Volumes = ["/cache"],
            Origin = "file",
        });
    }

    [Test]
    public void Dockers_catalog_is_a_map_of_servers()
    {
        var document = CatalogParser.Parse(Documents.DockerCatalog, "file");
        document.Entries.Select(e => (e.Id, e.Source?.Image, e.DisableNetwork)).Should().Equal(
            ("sums", "mcp/sums@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", true), ("files", null, false), ("hosted", null, false), ("perTool", null, false));
        document.Entries[0].Tags.Should().Equal("math");
        document.Entries[1].NotDeployableBecause.Should().Contain("paths of the host");
        document.Entries[2].NotDeployableBecause.Should().Contain("elsewhere");
        document.Entries[3].NotDeployableBecause.Should().Contain("tool call");
        document.Skipped.Should().ContainSingle().Which.Path.Should().Be("\"not an id\"");
    }

    [Test]
    public void Links_that_are_not_http_are_left_out()
    {
        var entry = CatalogParser.Parse("[{id: a, source: nginx, icon: 'javascript:alert(1)', documentation_url: 'file:///etc/passwd'}]", "file").Entries.Should().ContainSingle().Subject;
        entry.Icon.Should().BeNull();
        entry.DocumentationUrl.Should().BeNull();
    }

    [Test]
    public void Anchors_and_merges_are_followed()
    {
        const string Text = """
            catalog_servers:
              - &base
                id: a
                source: nginx
                requires_approval: true
              - <<: *base
                id: b
            """;
        CatalogParser.Parse(Text, "file").Entries.Select(e => (e.Id, e.RequiresApproval)).Should().Equal(("a", true), ("b", true));
    }

    [Test]
    public void Aliases_that_multiply_are_stopped()
    {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + string.Concat(Enumerable.Range(1, 20).Select(i => $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n"));
        var document = CatalogParser.Parse(text, "file");
        document.Entries.Should().BeEmpty();
        document.Skipped.Should().ContainSingle().Which.Message.Should().Contain("nodes").And.StartWith("line ");
    }

    [Test]
    public void Depth_and_size_are_bounded()
    {
        foreach (var text in new[] { new string('[', 100_000), "[" + new string('{', 1000), string.Concat(Enumerable.Repeat("- ", 5_000)), new string(' ', CatalogParser.Longest + 1), "[" + string.Concat(Enumerable.Repeat("0,", 600_000)) + "0]" })
        {
            var document = CatalogParser.Parse(text, "file");
            document.Entries.Should().BeEmpty();
            document.Skipped.Should().ContainSingle();
        }
    }

    [TestCase("")]
    [TestCase("   \n# nothing\n")]
    [TestCase("null")]
    public void An_empty_text_is_an_empty_catalog(string text)
    {
        var document = CatalogParser.Parse(text, "file");
        document.Entries.Should().BeEmpty();
        document.Skipped.Should().BeEmpty();
    }

    [TestCase("hello")]
    [TestCase("a: b")]
    [TestCase("a: [b\nc: d")]
    [TestCase("{\"a\":")]
    [TestCase("*unknown")]
    [TestCase("? [a]\n: b")]
    [TestCase("\ta: b")]
    public void A_text_that_is_no_catalog_is_told_with_its_line(string text) =>
        CatalogParser.Parse(text, "file").Skipped.Should().ContainSingle().Which.Should().Match<SkippedEntry>(s => s.Path == "catalog" && s.Message.StartsWith("line ", StringComparison.Ordinal));
}
