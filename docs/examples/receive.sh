#!/usr/bin/env bash
# Waits over HTTP for a payment, and takes it once its QC is verified here: docs/integrators.md
# explains it.
#
#   receive.sh URL NETWORK.toml PAYEE UNITS
#
# URL is an aggregator's, NETWORK.toml comes from somebody you trust. It waits for a payment
# that comes from now on, of pathUSD and at least UNITS, the token's smallest units. `allegro` is
# in the PATH. It ends with 0 at CERTIFIED, which is good for a coffee: who sells cars asks a
# chain node of their own for the final block.
set -euo pipefail
usage() {
  printf '%s\n' 'usage: receive.sh URL NETWORK.toml PAYEE UNITS' "UNITS are the token's smallest units, in digits: 1000000 are 1.00 pathUSD" >&2
  exit 2
}
[ $# = 4 ] && [[ ${!#} =~ ^[1-9][0-9]*$ ]] || usage
url=$1 network=$2 payee=$3 units=$4
min_settle=$(sed -n 's/^min_settle_seconds = //p' "$network")
[[ $min_settle =~ ^[1-9][0-9]*$ ]] || { echo "$network has no min_settle_seconds: is it a network file?" >&2; exit 2; }
here=$(mktemp -d)
listener=
trap '[ -z "$listener" ] || kill "$listener" || true; rm -r "$here"' EXIT

# ask ARGUMENTS: one request, again while nobody answers or the aggregator says that it cannot now.
ask() { curl --silent --show-error --max-time 60 --retry 10 --retry-connrefused "$@"; }

# latest: the ids of the latest payments from and to the payee.
latest() { ask --fail "$url/api/v1/payments?limit=200&address=$payee" | jq -r '.payments[].tx_id'; }

# take ID: believes the QC and not the aggregator. Beside the votes: is it this payee's money,
# enough of it, and is there time left for the chain to take it?
least_left=$((min_settle / 2))
take() {
  ! grep -qx "$1" <<<"$known" || return 0 # what changes about these is not new
  [ "$(ask "$url/api/v1/payments/$1/qc" -o "$here/qc.json" -w '%{http_code}')" = 200 ] || return 0 # an event tells when there is one
  allegro qc verify "$here/qc.json" --network "$network" -o json >"$here/verified.json"
  # Units may be more than jq's numbers hold: of two the longer one is greater.
  if jq -e --arg id "$1" --arg payee "${payee,,}" --arg units "$units" --argjson until $(($(date +%s) + least_left)) '
    .tx_id == $id and (.view.payee | ascii_downcase) == $payee and .symbol == "pathUSD"
    and (.view.amount | [length, .]) >= ($units | [length, .]) and (.view.valid_before | tonumber) >= $until' "$here/verified.json" >/dev/null; then
    jq -r '"CERTIFIED \(.tx_id): \(.view.amount) units from \(.view.payer)"' "$here/verified.json"
    exit
  fi
  jq -r '"not taken: \(.tx_id), \(.view.amount) units of \(.view.asset), good until \(.view.valid_before)"' "$here/verified.json"
  known+=$'\n'$1
}

# take_latest: takes what the list has and no event tells.
take_latest() {
  local ids id
  ids=$(latest)
  for id in $ids; do take "$id"; done
}

known=$(latest)
echo "waiting for $units units at $payee"
event= last= # id of the last event: who comes back with it misses nothing
while :; do
  # A stream says every 15 s that it is alive.
  exec {events}< <(exec curl --silent --no-buffer --speed-limit 1 --speed-time 40 -H "Last-Event-ID: $last" "$url/api/v1/events?types=payment&address=$payee")
  listener=$!
  while read -r -u "$events" field value; do
    case $field in
      id:)
        # The first stream began at the newest event: the list has what came before.
        [ -n "$last" ] || take_latest
        last=$value ;;
      event:) event=$value ;;
      data:)
        # After a reset events are missing: the list has what they told.
        if [ "$event" = reset ]; then take_latest; else id=$(jq -r .tx_id <<<"$value") && take "$id"; fi ;;
    esac
  done
  exec {events}<&-
  listener=
  sleep 1
done
