#!/usr/bin/env bash
# Lists a runtime's tools through the gateway with the MCP inspector: a real client, on the Node it asks for.
. "$(dirname "$0")/lib.sh"
cd "$root"
name=${1:?which runtime? make inspect NAME=hello}
token=$(cat "$(admin_token_file)")
exec "$MCPRUNTIME_NODE" "$MCPRUNTIME_NODE_MODULES/@modelcontextprotocol/inspector/clients/launcher/build/index.js" \
  --cli "$(service_url)/mcp/$name" --transport http --header "Authorization: Bearer $token" --method tools/list
