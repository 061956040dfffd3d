#!/usr/bin/env bash
# Pays, follows and verifies over HTTP: docs/integrators.md explains it.
#
#   http.sh URL NETWORK.toml KEYFILE PAYER PAYEE UNITS
#
# URL is an aggregator's, NETWORK.toml comes from somebody you trust, KEYFILE holds the private
# key of PAYER as 64 hex digits, UNITS are the token's smallest units. `sign` is
# docs/examples/sign and `allegro` the program, both in the PATH. It ends with 0 once the payment
# is certified and its QC is verified here.
set -euo pipefail
usage() {
  printf '%s\n' 'usage: http.sh URL NETWORK.toml KEYFILE PAYER PAYEE UNITS' "UNITS are the token's smallest units, in digits: 1000000 are 1.00 pathUSD" >&2
  exit 2
}
[ $# = 6 ] && [[ ${!#} =~ ^[1-9][0-9]*$ ]] || usage
url=$1 network=$2 key=$3 payer=$4 payee=$5 units=$6
here=$(mktemp -d)
listener=
trap '[ -z "$listener" ] || kill "$listener" || true; rm -r "$here"' EXIT

# ask ARGUMENTS: one request. The answer is the document, also of an error: the status is
# judged by the caller.
ask() { curl --silent --show-error --max-time 60 "$@"; }

# An aggregator that reaches no quorum says so before anybody signs.
ask --fail --output /dev/null "$url/readyz"

# 1. The aggregator plans. Nothing is reserved by that.
ask --fail-with-body "$url/api/v1/payments/prepare" -H 'Content-Type: application/json' \
  -d "{\"from\":\"$payer\",\"to\":\"$payee\",\"amount\":\"$units\",\"asset\":\"pathUSD\",\"parents\":\"auto\"}" -o "$here/plan.json" ||
  { cat "$here/plan.json" >&2; exit 1; }

# 2. The wallet checks the plan and signs it. The body is kept: after a time-out the same
#    bytes are sent again, and never another payment.
sign -network "$network" -key "$key" -to "$payee" -amount "$units" <"$here/plan.json" >"$here/submit.json"
id=$(jq -r .tx_id "$here/plan.json")

# 3. Listen before something happens, so that nothing is missed. A program that is cut off comes
#    back with the last id, as ?since=ID, and gets what it missed.
exec {events}< <(exec curl --silent --no-buffer "$url/api/v1/events?types=payment&address=$payee")
listener=$!

# 4. Submit, and wait for the QC. What is retryable is sent again, the same bytes.
for attempt in 1 2 3 4 5; do
  status=$(ask "$url/api/v1/submit-raw-tx?wait=certified&timeout_ms=5000" -H 'Content-Type: application/json' \
    -d @"$here/submit.json" -o "$here/answer.json" -w '%{http_code}')
  case $status in
    200) [ "$(jq .qc_formed "$here/answer.json")" = false ] || break ;; # not yet: a validator may be away
    402 | 429 | 503) sleep 1 ;;                                         # may succeed later
    409) [[ $(jq -r .code "$here/answer.json") =~ ^(NONCE_SEQ_TOO_HIGH|MISSING_PARENT_QC)$ ]] || { cat "$here/answer.json" >&2; exit 1; }
         sleep 1 ;;
    *) cat "$here/answer.json" >&2; exit 1 ;;
  esac
  echo "attempt $attempt: $status $(jq -c '{code, qc_formed}' "$here/answer.json")"
done
jq -c '{stage, cert_count, weight, threshold}' "$here/answer.json"

# 5. Believe the QC and not the answer: its bytes are checked here, against the own network file.
ask --fail "$url/api/v1/payments/$id/qc" -o "$here/qc.json"
allegro qc verify "$here/qc.json" --network "$network"

# 6. Follow the payment until the chain has it for good, or it ends otherwise.
stage=
while [ "$stage" != FINALIZED ] && read -r -t 60 -u "$events" field value; do
  [ "$field" = data: ] && [ "$(jq -r .tx_id <<<"$value")" = "$id" ] || continue
  stage=$(jq -r .stage <<<"$value")
  case $stage in
    REJECTED | EXPIRED | FAILED | CONFLICTED) break ;;
  esac
done
ask "$url/api/v1/tx/$id/status" | jq -c '{stage, tempo_tx_hash}'
[ "$stage" = FINALIZED ]
