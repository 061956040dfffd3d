#!/usr/bin/env bash
# Builds the program for every system that it runs on, without cgo and without paths of
# this machine, into a folder with checksums. The same commit gives the same bytes.
#   cmd/packaging/release.sh FOLDER [GOOS/GOARCH …]
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:?usage: cmd/packaging/release.sh FOLDER [GOOS/GOARCH …]}
shift
mkdir -p "$out"
out=$(cd "$out" && pwd)
[ $# -gt 0 ] || set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64
for target; do
  name=allegro-${target//\//-}
  GOOS=${target%/*} GOARCH=${target#*/} CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -buildid=' -o "$out/$name" ./cmd/allegro
done
cd "$out" && sha256sum allegro-* >SHA256SUMS
