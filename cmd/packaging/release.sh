#!/usr/bin/env bash
# Builds a release: for each system an archive with the program, its manual, completion for
# four shells, the systemd unit and the licence, and SHA256SUMS over all. It is made of a
# commit, in a clone of its own, not of what lies around, and the same commit gives the same
# bytes with the same Go. The version is the one that Go reads from the tag of the commit,
# and `allegro version` tells it with the commit. This installs an archive:
#
#   tar xzf allegro-VERSION-linux-amd64.tar.gz -C /usr/local --strip-components 1
#
#   cmd/packaging/release.sh FOLDER [COMMIT [GOOS/GOARCH ...]]
#
# COMMIT is HEAD without; the systems are Linux and macOS on amd64 and arm64. Nothing is
# linked to libraries of a system (macOS programs always are to its own).
set -euo pipefail

out=${1:?usage: release.sh FOLDER [COMMIT [GOOS/GOARCH ...]]}
commit=${2-HEAD}
targets=("${@:3}")
[ ${#targets[@]} -gt 0 ] || targets=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64)
for target in "${targets[@]}"; do
  case $target in
  linux/*|darwin/*) ;;
  *)
    echo "release.sh: $target is not supported: a home's files are kept from others by their modes, and processes are stopped by signals" >&2
    exit 2
    ;;
  esac
done

repository=$(cd "$(dirname "$0")/../.." && pwd)
commit=$(git -C "$repository" rev-parse --verify "$commit^{commit}")
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git clone -q "$repository" "$work/source"
cd "$work/source"
git -c advice.detachedHead=false checkout -q "$commit"
# Everything in an archive is as old as the commit, in one order, and nobody's.
time=$(git show -s --format=%ct "$commit")
archive() { tar --create --sort=name --mtime="@$time" --owner=0 --group=0 --numeric-owner --mode='u+rw,go+r-w' "$@" | gzip --no-name --best; }

# What Go is told to do on this machine must not be in the bytes.
export GOFLAGS=-mod=readonly GOAMD64=v1 GOARM64=v8.0
# build GOOS GOARCH FILE: no path of this machine, no symbols that only a debugger reads.
build() { CGO_ENABLED=0 GOOS=$1 GOARCH=$2 go build -trimpath -buildvcs=true -ldflags='-s -w' -o "$3" ./cmd/allegro; }

# This machine's own program writes what is the same everywhere.
own=$(go env GOHOSTOS)/$(go env GOHOSTARCH)
build "${own%/*}" "${own#*/}" "$work/allegro"
version=$("$work/allegro" version -o json | sed -n 's/^  "version": "\(.*\)",$/\1/p')
same=$work/same # laid out as below /usr/local
mkdir -p "$same"/share/{doc/allegro,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d,powershell} "$same"/lib/{systemd/system,sysusers.d}
cp LICENSE "$same/share/doc/allegro"
cp cmd/packaging/systemd/allegro@.service "$same/lib/systemd/system"
cp cmd/packaging/systemd/allegro.conf "$same/lib/sysusers.d"
"$work/allegro" man --dir "$same/share/man/man1" >/dev/null
"$work/allegro" completion bash >"$same/share/bash-completion/completions/allegro"
"$work/allegro" completion zsh >"$same/share/zsh/site-functions/_allegro"
"$work/allegro" completion fish >"$same/share/fish/vendor_completions.d/allegro.fish"
"$work/allegro" completion pwsh >"$same/share/powershell/allegro.ps1" # named like the command

for target in "${targets[@]}"; do
  name=allegro-$version-${target%/*}-${target#*/}
  mkdir -p "$work/$name/bin"
  cp -r "$same/." "$work/$name"
  if [ "$target" = "$own" ]; then
    cp "$work/allegro" "$work/$name/bin/allegro"
  else
    build "${target%/*}" "${target#*/}" "$work/$name/bin/allegro"
  fi
  archive -C "$work" "$name" >"$out/$name.tar.gz"
  echo "$out/$name.tar.gz"
done
cd "$out" && sha256sum "allegro-$version-"*.tar.gz >SHA256SUMS
