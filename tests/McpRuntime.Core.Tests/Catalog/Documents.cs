namespace McpRuntime.Core.Tests.Catalog;

/// <summary>One document of each format, written to its field table.</summary>
internal static class Documents
{
    public const string Ours = """
        catalog_servers:
          - id: acme/weather
            name: Weather
            description: Forecasts by place.
            category: Data
            tags: [weather, api]
            icon: https://acme.example/weather.png
            documentation_url: https://acme.example/docs
            featured: true
            source_type: docker
            source: ghcr.io/acme/weather:1.2
            supported_backends: [docker, kubernetes]
            guardrails_profile: restricted
            requires_approval: true
            endpoint_port: 3001
            endpoint_path: /mcp
            transport: STREAMABLEHTTP
            environment:
              - {name: API_KEY, required: true, secret: true, description: from the account page}
              - {name: REGION, default: eu}
            allowed_hosts: [api.weather.example, "*.tiles.example:443"]
            volumes: [/data]
          - id: acme/search
            name: Search
            url: https://search.acme.example/sse
            transport: SSE
            runtime:
              source_type: github
              source:
                repo: acme/search
                branch: stable
                dockerfile: docker/Dockerfile
                build_args: {VERSION: 2}
              transport: STDIO
              environment: [TOKEN]
          - id: acme/notes
            source: https://github.com/acme/notes#v3
          - id: acme/stack
            source_type: compose
            source:
              main_service: web
              compose_file: |
                services:
                  web: {image: nginx}
          - id: remote-only
            name: Elsewhere
            category: Software
            url: wss://elsewhere.example/ws
            auth_type: OAuth2.1
            provider: Acme
            description: Runs elsewhere.
            transport: WEBSOCKET
            tags: [a, {label: b}]
        categories: [Data, Software]
        auth_types: [Open]
        """;

    public const string ServerJson = """
        {
          "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
          "name": "io.github.acme/weather",
          "title": "Weather",
          "description": "Forecasts by place",
          "version": "1.0.2",
          "websiteUrl": "https://acme.example",
          "icons": [{ "src": "https://acme.example/w.png", "mimeType": "image/png" }],
          "packages": [
            { "registryType": "npm", "identifier": "@acme/weather", "version": "1.0.2", "transport": { "type": "stdio" } },
            {
              "registryType": "oci",
              "identifier": "ghcr.io/acme/weather:1.0.2",
              "transport": { "type": "streamable-http", "url": "http://localhost:{PORT}/mcp" },
              "packageArguments": [
                { "type": "positional", "value": "serve" },
                { "type": "named", "name": "--units", "default": "metric" },
                { "type": "positional", "value": "--region={region}", "variables": { "region": { "default": "eu" } } },
                { "type": "named", "name": "--verbose" },
                { "type": "named", "name": "--config", "valueHint": "file" },
                { "type": "positional", "valueHint": "extra" }
              ],
              "environmentVariables": [
                { "name": "API_KEY", "description": "from the account page", "isRequired": true, "isSecret": true },
                { "name": "PORT", "default": "8787" },
                { "name": "LOG_LEVEL", "value": "info" },
                { "name": "ZONE", "value": "{zone}", "isRequired": true, "variables": { "zone": {} } }
              ]
            }
          ],
          "remotes": [{ "type": "sse", "url": "https://weather.acme.example/sse" }]
        }
        """;

    public const string RegistryPage = """
        {
          "servers": [
            { "server": { "name": "io.acme/now", "description": "d", "version": "2", "packages": [{ "registryType": "oci", "identifier": "docker.io/acme/now:2", "transport": { "type": "stdio" } }] },
              "_meta": { "io.modelcontextprotocol.registry/official": { "status": "active", "isLatest": true } } },
            { "server": { "name": "io.acme/now", "description": "d", "version": "1", "packages": [{ "registryType": "oci", "identifier": "docker.io/acme/now:1", "transport": { "type": "stdio" } }] },
              "_meta": { "io.modelcontextprotocol.registry/official": { "status": "active", "isLatest": false } } },
            { "server": { "name": "io.acme/gone", "description": "d", "version": "1" },
              "_meta": { "io.modelcontextprotocol.registry/official": { "status": "deleted", "isLatest": true } } },
            { "server": { "name": "io.acme/going", "description": "d", "version": "1", "packages": [{ "registryType": "oci", "identifier": "docker.io/acme/going:1", "transport": { "type": "stdio" } }] },
              "_meta": { "io.modelcontextprotocol.registry/official": { "status": "deprecated", "isLatest": true } } },
            { "server": { "name": "io.acme/npm", "description": "d", "version": "1", "packages": [{ "registryType": "npm", "identifier": "x", "version": "1", "transport": { "type": "stdio" } }] } },
            { "server": { "name": "io.acme/remote", "description": "d", "version": "1", "remotes": [{ "type": "streamable-http", "url": "https://x.example/mcp" }] } }
          ],
          "metadata": { "count": 6, "nextCursor": "abc" }
        }
        """;

    public const string ServerYaml = """
        name: weather
        image: mcp/weather
        type: server
        longLived: true
        meta:
          category: data
          tags: [weather, data]
        about:
          title: Weather
          description: Forecasts by place.
          icon: https://acme.example/w.png
        source:
          project: https://github.com/acme/weather
          commit: 0123456789abcdef0123456789abcdef01234567
        run:
          command: [--stdio]
          volumes: ["weather-cache:/cache"]
          env: {MODE: fast}
          allowHosts: ["api.weather.example:443"]
          disableNetwork: false
        config:
          description: Configure it
          secrets:
            - {name: weather.api_key, env: API_KEY, example: abc, description: the key}
          env:
            - {name: LANG, value: en}
            - {name: URL, value: "{{weather.url}}", example: "https://a.example"}
          parameters:
            type: object
            properties: {url: {type: string}}
        """;

    public const string DockerCatalog = """
        version: 2
        name: docker-mcp
        displayName: A catalog
        registry:
          sums:
            title: Sums
            type: server
            image: mcp/sums@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
            disableNetwork: true
            metadata: {category: tools, tags: [math]}
          files:
            title: Files
            type: server
            image: mcp/files
            volumes: ["{{files.paths|volume|into}}"]
          hosted:
            type: remote
            remote: {transport_type: sse, url: "https://hosted.example/sse"}
          perTool:
            type: poci
            tools: []
          "not an id":
            type: server
            image: mcp/x
        """;
}
