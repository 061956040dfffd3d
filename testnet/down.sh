#!/usr/bin/env bash
# Stops the testnet in the folder net. Its chain and homes stay: up.sh goes on with them.
set -euo pipefail
cd "$(dirname "$0")/.."
bin/allegro testnet down
