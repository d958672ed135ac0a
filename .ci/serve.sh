#!/usr/bin/env bash
# Starts the service on SQLite and the local Docker Engine with the sample catalog. What the environment or ./.env sets goes first.
. "$(dirname "$0")/lib.sh"
cd "$root"

set_in_env_file() { [ -f .env ] && grep -q "^$1=" .env; }
default() { [ -n "${!1:-}" ] || set_in_env_file "$1" || export "$1=$2"; }

default MCPGATEWAY_RUNTIME_ENABLED true
default RUNTIME_CATALOG_FILE samples/catalog.yml
default ASPNETCORE_URLS http://127.0.0.1:8080
url=$(service_url)
token=$(admin_token_file)

if curl -fs -o /dev/null "$url/healthz"; then
  die "something answers at $url already; stop it, or set ASPNETCORE_URLS to another address"
fi

say "building the service"
dotnet build src/McpRuntime.Server -c Release --nologo -v q >"$cache/build.log" 2>&1 || { tail -20 "$cache/build.log" >&2; die "the build failed; its words are in $cache/build.log"; }

tell_when_ready() {
  for _ in $(seq 240); do
    if curl -fs -o /dev/null "$url/readyz"; then
      cat >&2 <<TEXT

== ready at $url; the admin token is in $token. In another terminal:

  TOKEN=\$(cat $token)
  curl -s $url/runtimes/catalog -H "Authorization: Bearer \$TOKEN"
  curl -s "$url/runtimes/deploy?wait_seconds=60" -H "Authorization: Bearer \$TOKEN" -H 'Content-Type: application/json' -d '{"name": "hello", "catalog_server_id": "sample-server"}'
  curl -s $url/mcp/hello -H "Authorization: Bearer \$TOKEN" -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add", "arguments": {"a": 2, "b": 3}}}'

TEXT
      return
    fi
    sleep 0.25
  done
}

tell_when_ready &
exec dotnet src/McpRuntime.Server/bin/Release/net10.0/mcpruntime.dll serve
