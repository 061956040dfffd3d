#!/usr/bin/env bash
# Four hosts on one machine: network namespaces with addresses of their own, a validator
# on each, and nothing exchanged but text. A payment certifies with all four, with one
# cut off, not with two cut off, and by itself once one of them is back.
#
# What it prints is what docs/operators.md shows of four hosts: TestFourHosts of
# cmd/allegro runs it and compares.
#
# Everything runs in namespaces of this script alone and ends with it. It needs a kernel
# that lets it make user namespaces, or to be root of one that does not; where neither is so
# it says that it is skipped, and why. So it does where a program is missing, but for
# CI=true, where that is a failure.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1-}" != inside ]; then
  for tool in ip unshare jq go; do
    command -v "$tool" >/dev/null && continue
    [ "${CI-}" != true ] || { echo "four hosts: there is no $tool here: install it" >&2; exit 1; }
    echo "SKIPPED: four hosts: there is no $tool here" >&2
    exit 0
  done
  go build -o bin/allegro ./cmd/allegro
  # In a user namespace first, root too: what is done there cannot touch the machine.
  refusals=()
  for user in --map-root-user ""; do
    # shellcheck disable=SC2206 # one word, or none
    spaces=(unshare $user --net --mount --pid --fork --kill-child --mount-proc)
    if refusal=$("${spaces[@]}" sh -c 'mount -t tmpfs none /run && ip link add name try type bridge && ip netns add try' 2>&1); then
      exec "${spaces[@]}" bash testnet/netns.sh inside
    fi
    refusals+=("${refusal//$'\n'/, }")
  done
  echo "SKIPPED: four hosts: this machine allows no network namespaces, neither in a user namespace (${refusals[0]}) nor to user $(id -un) without one (${refusals[1]})" >&2
  exit 0
fi

allegro=$PWD/bin/allegro
node=http://10.77.0.1:8545
dir=$(mktemp -d)
export HOME=$dir # where locks of vote keys are
mount -t tmpfs none /run # where namespaces have their names
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -r "$dir"' EXIT

say() { printf '\n# %s\n' "$*"; }
show() { printf '%s$ allegro %s\n' "$1" "${*:2}"; }
# on HOST ARG...: allegro on a host, in its own folder.
on() { (cd "$dir/$1" && show "$1" "${@:2}" && ip netns exec "$1" "$allegro" "${@:2}"); }
# quiet HOST ARG...: the same, without showing the command.
quiet() { (cd "$dir/$1" && ip netns exec "$1" "$allegro" "${@:2}"); }
# start HOST ARG...: the same, to go on in the background.
start() {
  show "$1" "${@:2}" "&"
  (cd "$dir/$1" && exec ip netns exec "$1" "$allegro" "${@:2}" >>log 2>&1) &
}
# await WHAT COMMAND...: waits until a command succeeds, a minute at least.
await() {
  local tries=0
  until "${@:2}"; do
    [ $((tries += 1)) -lt 200 ] || fail "not within $tries looks: $1"
    sleep 0.3
  done
}
# reaches WEIGHT: Alice reaches validators of that weight.
reaches() { [ "$(quiet A id --home alice -o json | jq .running.ready.weight)" = "$1" ]; }
# heard TX: Alice has heard from every validator at which block it is.
heard() { quiet A why --home alice -o json "$1" | jq -e 'all(.steps[-1].validators[]; .head)' >/dev/null; }
# paid AMOUNT: the id of Alice's payment of that many units.
paid() { quiet A tx list --home alice -o json | jq -r --arg amount "$1" '[.payments[] | select(.amount == $amount)][0].tx_id'; }
fail() { echo "four hosts: $*" >&2; tail -n 5 "$dir"/*/log >&2; exit 1; }

say "Four hosts on one wire: A to D, 10.77.0.1 to 10.77.0.4"
ip link set lo up
ip link add name wire type bridge
ip link set wire up
hosts=(A B C D)
for i in 0 1 2 3; do
  host=${hosts[i]}
  mkdir "$dir/$host"
  ip netns add "$host"
  ip link add "to$host" type veth peer name eth0 netns "$host"
  ip link set "to$host" master wire up
  ip -n "$host" addr add "10.77.0.$((i + 1))/24" dev eth0
  ip -n "$host" link set eth0 up
  ip -n "$host" link set lo up
done

say "A validator on each host"
names=(dave edgar frank grace)
for i in 0 1 2 3; do
  host=${hosts[i]} name=${names[i]}
  init=(init --home "$name" --role validator --name "$name" --listen "/ip4/10.77.0.$((i + 1))/tcp/7101" --chain "$node" -o json)
  show "$host" "${init[@]}" ">$name.json"
  quiet "$host" "${init[@]}" >"$dir/$host/$name.json"
done

say "What the validators printed of themselves is brought to A, and the network file from there to all"
cp "$dir"/[BCD]/*.json "$dir/A"
on A committee new --create four --network network.toml --block-time 1s --add dave.json --add edgar.json --add frank.json --add grace.json
cp "$dir/A/network.toml" "$dir/C"
for i in 0 1 2 3; do cp "$dir/A/network.toml" "$dir/${hosts[i]}/${names[i]}"; done

say "The validators, which wait for the chain, and wallets on A and C"
for i in 0 1 2 3; do start "${hosts[i]}" validator run --home "${names[i]}"; done
on A init --home alice --role client --network network.toml --chain "$node"
on C init --home bob --role client --network network.toml --chain "$node"
account() { quiet "$1" id --home "$2" -o json | jq -r .account; }
alice=$(account A alice)
bob=$(account C bob)

say "A chain for development on A, with money for all"
funds=(--fund "$alice=15" --fund "$bob=5")
for i in 0 1 2 3; do funds+=(--fund "$(account "${hosts[i]}" "${names[i]}")=1000"); done
start A devchain --listen 10.77.0.1:8545 --block-time 1s "${funds[@]}"
start A client run --home alice
start C client run --home bob
for i in 0 1 2 3; do on "${hosts[i]}" wait --home "${names[i]}" --for quorum --timeout 60s; done
on C wait --home bob --for quorum --timeout 60s
await "alice reaches all four validators" reaches 4

say "A payment with all four"
on A pay --home alice --to "$bob" --amount 3 --wait certified
on C balance --home bob
await "alice has heard from all four validators" heard "$(paid 3000000)"

say "B is cut off: three of four certify"
ip link set toB down
on A pay --home alice --to "$bob" --amount 2 --wait certified

say "D is cut off too: two of four do not, and that is said"
ip link set toD down
code=0
on A pay --home alice --to "$bob" --amount 1 --timeout 3s || code=$?
[ "$code" = 4 ] || fail "a payment with two of four validators ended with code $code, want 4"
tx=$(paid 1000000)
await "alice has lost two validators" reaches 2 # a cable says nothing: silence has to
on A why --home alice "$tx"
quiet A why --home alice -o json "$tx" | jq -e '[.steps[-1].validators[] | select(.reached | not) | .validator] | sort == ["edgar", "grace"]' >/dev/null || fail "why does not name edgar and grace"
on A metrics --home alice

say "D is back: the payment certifies by itself, and the chain takes all three"
ip link set toD up
on A tx show --home alice --wait finalized --timeout 120s "$tx"
quiet C tx show --home bob --wait finalized --timeout 60s -o json "$tx" | jq -e '.stage == "FINALIZED"' >/dev/null || fail "bob does not see the payment as FINALIZED"
say "B is back, and knows everything by sync"
ip link set toB up
quiet B tx show --home edgar --wait finalized --timeout 120s -o json "$tx" | jq -e '.stage == "FINALIZED"' >/dev/null || fail "edgar does not see the payment as FINALIZED"
on C balance --home bob
[ "$(quiet C balance --home bob -o json | jq -r .confirmed)" = 11000000 ] || fail "bob does not hold 11.00"
say "PASS"
