#!/usr/bin/env bash
# Starts a testnet of real processes in the folder net: makes it first if there is
# none. Arguments go to `allegro testnet init`, for example: --validators 4
set -euo pipefail
cd "$(dirname "$0")/.."
go build -o bin/allegro ./cmd/allegro
[ -e net/testnet.json ] || bin/allegro testnet init "$@"
bin/allegro testnet up
