#!/usr/bin/env bash
# Pays through the testnet that up.sh has started: Alice pays Bob $10, and Bob, who has
# $5, at once pays Carol $10 on the strength of that.
set -euo pipefail
cd "$(dirname "$0")/.."
as() { local who=$1; shift; bin/allegro testnet exec "$who" -- "$@"; }
as alice pay --to bob --amount 10
as bob pay --to carol --amount 10 --wait included
for who in alice bob carol; do as "$who" balance; done
