#!/bin/sh
# A ring of three nodes on loopback addresses, each with a data directory of its own; stays until Ctrl-C.
#
#     examples/join-three.sh [DIRECTORY] [FIRST-THREE-BYTES]      default: a new directory, 127.45.0
#
# On real servers each "join" runs on its own machine, without --data and --address.
set -eu
cd "$(dirname "$0")/.."
base=${1:-$(mktemp -d)}
net=${2:-127.45.0}
mkdir -p "$base"
node=node_modules/.bin/node
pids=

run() { "$node" bin/thor-node.js "$@"; }
cleanup() {
  trap - EXIT INT TERM
  # shellcheck disable=SC2086
  kill $pids 2>/dev/null || true
  wait
}
trap cleanup EXIT
trap 'exit 0' INT TERM

start() { # number [invite]
  number=$1
  shift
  "$node" bin/thor-node.js join "$@" --data "$base/n$number" --address "$net.$number" --dns-port 5353 \
    >"$base/n$number.log" 2>&1 &
  pids="$pids $!"
  waited=0
  until grep -q '^Node .* serves' "$base/n$number.log"; do
    waited=$((waited + 1))
    if [ "$waited" -gt 300 ] || ! kill -0 "$!"; then
      cat "$base/n$number.log" >&2
      exit 1
    fi
    sleep 0.1
  done
}

start 1
for number in 2 3; do
  start "$number" "$(run invite --data "$base/n1" --json | sed -n 's/.*"invite": "\(.*\)".*/\1/p')"
done
run account add alice@thor.local --data "$base/n1"
run where alice@thor.local --data "$base/n3"
run status --data "$base/n2"
echo "Ready. Look at it with: npx thor-node status --data $base/n1; end with Ctrl-C."
wait
