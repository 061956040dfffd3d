#!/usr/bin/env bash
# Four hosts, each with an address of its own, on one cable: network namespaces on a bridge.
# A validator on each, and nothing but text is carried between them. One host is cut off,
# and payments go on; a second one, and they wait; it is back, and they are certified.
#
# It prints what is typed on which host and what comes of it, and docs/operators.md shows
# the same commands. It checks itself: exit code 0 if everything was as it must be, 77 with
# the reason if this system refuses the namespaces, 1 otherwise. It needs no root where
# users may have namespaces, and leaves nothing behind, not even if it is killed.
#
#   testnet/netns.sh [ALLEGRO]     the program to use; built from this folder without
set -euo pipefail

skip() {
  echo "netns.sh: SKIPPED: $*" >&2
  exit 77
}

# Outside, the program is built and the script enters namespaces of its own: whatever runs
# in them ends with the script, and their networks and files go with it.
if [ -z "${NETNS_INSIDE-}" ]; then
  for tool in "ip iproute2" "jq jq" "unshare util-linux" "nsenter util-linux"; do
    command -v "${tool% *}" >/dev/null || skip "${tool% *} is not there: install Debian's package ${tool#* }"
  done
  own=(--net --mount --pid --fork --kill-child --mount-proc)
  [ "$(id -u)" = 0 ] || own=(--map-root-user "${own[@]}")
  refusal=$(unshare "${own[@]}" ip link add name switch type bridge 2>&1) ||
    skip "this system refuses network namespaces or bridges: ${refusal//$'\n'/ }"

  NETNS_WORK=$(mktemp -d)
  trap 'rm -rf "$NETNS_WORK"' EXIT
  mkdir "$NETNS_WORK/bin"
  if [ $# -gt 0 ]; then
    cp "$1" "$NETNS_WORK/bin/allegro"
  else
    (cd "$(dirname "$0")/.." && go build -o "$NETNS_WORK/bin/allegro" ./cmd/allegro)
  fi
  export NETNS_WORK NETNS_INSIDE=yes
  unshare "${own[@]}" bash "$0"
  exit
fi

hosts=(dave edgar frank grace)
PATH=$NETNS_WORK/bin:$PATH
mount -t tmpfs none /run # ip keeps the names of namespaces there
mkdir /run/netns

# The cable is the bridge, and each host has a plug in it.
ip link add name switch type bridge
ip link set dev switch up
number=0
for host in "${hosts[@]}"; do
  number=$((number + 1))
  mkdir "$NETNS_WORK/$host"
  ip netns add "$host"
  ip link add name "to-$host" type veth peer name eth0 netns "$host"
  ip link set dev "to-$host" master switch up
  ip -n "$host" address add "192.0.2.$number/24" dev eth0
  ip -n "$host" link set dev eth0 up
  ip -n "$host" link set dev lo up
done

wrong() {
  echo "netns.sh: $*" >&2
  tail -n 5 "$NETNS_WORK"/*/*.log >&2 || true
  exit 1
}

# on HOST COMMAND: what a shell in that host's /srv does, which is its user's home.
on() {
  env -i HOME=/srv PATH="$PATH" nsenter --net="/run/netns/$1" -- unshare --mount \
    bash -c 'mount --bind "$0" /srv && cd /srv && exec bash -c "$1"' "$NETNS_WORK/$1" "$2"
}

# typed HOST COMMAND [CODE]: shows a command and what comes of it, which ends in exit code
# CODE, 0 without.
typed() {
  local code=0
  printf '%s$ %s\n' "$1" "$2"
  on "$1" "$2" 2>&1 || code=$?
  [ "$code" = "${3-0}" ] || wrong "exit code $code, want ${3-0}"
}

# starts HOST WHAT COMMAND: the same for a program that goes on, with its log in WHAT.log.
starts() {
  printf '%s$ %s &\n' "$1" "$3"
  on "$1" "exec $3" >"$NETNS_WORK/$1/$2.log" 2>&1 &
}

# holds HOST COMMAND FILTER: what a command prints as JSON is as jq's FILTER says.
holds() {
  local out
  out=$(on "$1" "$2 -o json") || wrong "on $1: $2: exit code $?"
  jq -e "$3" <<<"$out" >/dev/null || wrong "on $1: $2 -o json does not have $3: $out"
}

# carried FILE FROM TO PATH: a text file is brought from one host to another.
carried() {
  echo "       ($1 is brought from $2 to $3:$4)"
  cp "$NETNS_WORK/$2/$1" "$NETNS_WORK/$3/$4"
}

# plug HOST up|down: the other end of its cable, so the host itself sees no more of it than
# of a router that fails.
plug() {
  echo "       (the cable of $1: $2)"
  ip link set dev "to-$1" "$2"
}

# paid HOST: the tx id of the last payment that its wallet made.
paid() { on "$1" 'allegro tx list --home wallet -o json' | jq -er .payments[0].tx_id; }

echo "== homes, and what each host tells of its validator"
number=0
for host in "${hosts[@]}"; do
  number=$((number + 1))
  typed "$host" "allegro init --home validator --role validator --name $host --listen /ip4/192.0.2.$number/tcp/7101 --chain http://192.0.2.1:8545 -o json >$host.json"
done
for host in edgar frank grace; do carried "$host.json" "$host" dave "$host.json"; done

echo "== the network file"
typed dave 'allegro committee new --create ours --add dave.json --add edgar.json --add frank.json --add grace.json'
for host in "${hosts[@]}"; do carried network.toml dave "$host" validator/network.toml; done

echo "== wallets on three of the hosts"
for host in dave edgar grace; do
  [ "$host" = dave ] || carried network.toml dave "$host" network.toml
  typed "$host" 'allegro init --home wallet --role client --network network.toml --chain http://192.0.2.1:8545'
done
account() { on "$1" "allegro id --home $2 -o json" | jq -er .account; }
alice=$(account dave wallet) bob=$(account edgar wallet) carol=$(account grace wallet)

echo "== a chain for development, on which the sponsors can pay fees and Alice has money"
fund="--fund $alice=15"
for host in "${hosts[@]}"; do fund+=" --fund $(account "$host" validator)=1000"; done
starts dave chain "allegro devchain --listen 192.0.2.1:8545 --data chain $fund"

echo "== the validators"
for host in "${hosts[@]}"; do starts "$host" validator 'allegro validator run --home validator'; done
for host in "${hosts[@]}"; do
  typed "$host" 'allegro wait --for mesh --home validator'
  holds "$host" 'allegro wait --for quorum --home validator' '.running.signing and .running.ready.threshold == 3 and .running.ready.total == 4'
done
for host in dave edgar grace; do starts "$host" wallet 'allegro client run --home wallet'; done
for host in dave edgar grace; do typed "$host" 'allegro wait --for mesh --home wallet'; done

echo "== Alice, on dave, pays Bob, on edgar"
typed dave "allegro pay --home wallet --to $bob --amount 10"
first=$(paid dave)
typed edgar "allegro tx show --home wallet --wait included $first"
holds edgar "allegro tx show --home wallet $first" '(.votes | length) == 4 and .included_height != null'

echo "== grace is cut off: three of four are enough"
plug grace down
typed dave "allegro pay --home wallet --to $carol --amount 2"
unheard=$(paid dave)
holds dave "allegro tx show --home wallet $unheard" '[.votes[].validator] | sort == ["dave", "edgar", "frank"]'

echo "== frank is cut off too: two of four are not"
plug frank down
typed edgar "allegro pay --home wallet --to $alice --amount 1 --timeout 5s" 4
waiting=$(paid edgar)
holds edgar "allegro tx show --home wallet $waiting" '.stage == "ACCEPTED"'

echo "== frank is back: what waited is certified"
plug frank up
typed edgar "allegro tx show --home wallet --wait certified $waiting"

echo "== grace is back: Carol, there, learns what she was paid meanwhile"
plug grace up
typed grace "allegro tx show --home wallet --wait finalized $unheard"
typed grace 'allegro balance --home wallet'
holds grace 'allegro balance --home wallet' '.certified_in == "0" and .confirmed == "2000000"'
echo "== all of it was as it must be"
