#!/bin/bash
# Tapyard against its peers on the same rig, in alternating rounds: packets/s, TCP, round trip, and what a sink that checks sequence
# numbers and payload says was delivered. Prints each row as it is measured, then medians and ratios with their bars (summary.ts).
#
#   RIG_DIR=DIR bench/rig/run.sh [ROUNDS=5] [ROW ...]        as root
#
#   RIG_DIR   folder with rig.sh and ovs.sh: rig_build, rig_up, rig_join, rig_pps, rig_tcp, rig_rtt, rig_down; ovs_start, ovs_taps, ovs_stop
#   ROW       tapyard tapyard-poll ovs ovs-tso c c-uring bridge; default: all but tapyard-poll
#   S         seconds of each flood and stream, default 3
#   LEN, FLOWS   bytes of a flood's frame and its flows, default 60 and 1
#   JSON      also write all of it to this file
#
# Needs gcc, liburing-dev, iperf3, python3 and, for the ovs rows, openvswitch-switch. It runs in network and mount namespaces of its
# own, so that it takes nobody's names and leaves no device behind. Exit code 1: a bar does not hold; 70: something broke.
set -u
here=$(cd "$(dirname "$0")" && pwd)
rig=${RIG_DIR:?the folder with rig.sh and ovs.sh}
if [ -z "${RIG_PRIVATE:-}" ]; then
  RIG_PRIVATE=1 exec unshare --mount --net "$0" "$@"
fi
mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up || exit 70
rounds=${1:-5}; [ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- tapyard ovs ovs-tso c c-uring bridge
seconds=${S:-3} length=${LEN:-60} flows=${FLOWS:-1}
. "$rig/rig.sh"; . "$rig/ovs.sh"

bin=$(mktemp -d)
forwarder= peer=
stop_peer() {
  case $peer in
    ovs | ovs-tso) ovs_stop ;;
    bridge) for x in tapyard-br va vb; do ip link del $x 2>/dev/null; done ;;
    ?*) [ -n "$forwarder" ] && { kill "$forwarder" 2>/dev/null; wait "$forwarder" 2>/dev/null; } ;;
  esac
  forwarder= peer=
}
trap 'stop_peer; rig_down; rm -rf "$bin"' EXIT
trap 'exit 130' INT TERM
broken() { echo "broken: $*" >&2; exit 70; }
rig_build "$bin" || broken 'the generator and the C forwarders do not compile'

# Commands of the project by name, so that the rig finds them with `ip netns exec`.
wrap() { printf '#!/bin/sh\nexec sh %s "$@"\n' "$2" >"$bin/$1"; chmod +x "$bin/$1"; }
wrap udp-flood "$here/../../bin/node-pinned $here/../../src/lab/traffic/udp-flood.ts"
wrap udp-sink "$here/../../bin/node-pinned $here/../../src/lab/traffic/udp-sink.ts"
type -P ping >/dev/null || wrap ping "$here/../../bin/node-pinned $here/../../src/lab/traffic/ping.ts"
PATH=$bin:$PATH

start_peer() {
  peer=$1
  case $peer in
    tapyard) sh "$here/../../bin/tapyard" up "$here/rig.yaml" --socket "$bin/sock" >"$bin/out" 2>"$bin/err" & forwarder=$!; ready ;;
    tapyard-poll)
      TAPYARD_IO=poll sh "$here/../../bin/tapyard" up "$here/rig.yaml" --socket "$bin/sock" >"$bin/out" 2>"$bin/err" & forwarder=$!; ready ;;
    c) timeout 90 "$bin/tap-forward" ta tb 80 >/dev/null & forwarder=$!; sleep 0.5 ;;
    c-uring) timeout 90 "$bin/tap-forward-uring" ta tb 80 >/dev/null & forwarder=$!; sleep 0.5 ;;
    ovs) ovs_start "$bin/ovs"; ovs_taps ;;
    ovs-tso) ovs_start "$bin/ovs" userspace-tso-enable=true; ovs_taps ;;
    bridge)
      ip link add tapyard-br type bridge; ip link set tapyard-br up
      for x in a b; do ip link add v$x type veth peer name t$x; ip link set v$x master tapyard-br up; done ;;
    *) broken "no row is named $peer" ;;
  esac
}
ready() {
  for _ in $(seq 100); do grep -q ready "$bin/out" && return; kill -0 "$forwarder" 2>/dev/null || break; sleep 0.1; done
  cat "$bin/err" >&2; broken 'the switch did not start'
}

# Prints: delivered a second, lost, out of order, doubled, corrupt, dropped by the sink's own socket.
delivered() {
  ip netns exec nb udp-sink --port 7000 --seconds $((seconds + 10)) --idle 1 >"$bin/sink" & local sink=$!
  for _ in $(seq 50); do grep -q listening "$bin/sink" && break; sleep 0.1; done
  ip netns exec na timeout $((seconds + 5)) udp-flood --to 10.0.0.2 --device ta --seconds "$seconds" --length "$length" --flows "$flows" >/dev/null
  wait $sink
  tail -1 "$bin/sink" | python3 -c '
import json, sys
r = json.load(sys.stdin)
print(*(r[k] for k in ("pps", "lost", "outOfOrder", "duplicated", "corrupt", "socketDrops")))'
}

echo "round row pps tcp-gbit rtt-ms delivered-pps lost out-of-order doubled corrupt socket-drops"
for round in $(seq "$rounds"); do
  for row in "$@"; do
    rig_up; start_peer "$row"; rig_join
    rig_pps 1 "$length" "$flows" >/dev/null # caches and compilers warm up, of all rows alike
    pps=$(rig_pps "$seconds" "$length" "$flows"); tcp=$(rig_tcp "$seconds"); rtt=$(rig_rtt); sink=$(delivered)
    line="$round $row $pps $tcp $rtt $sink"
    # A crash is a failure, never a zero.
    [ "$(wc -w <<<"$line")" = 11 ] && [ "$pps" -gt 0 ] && [ "$tcp" != 0 ] || broken "round $round, $row: $line"
    [ -z "$forwarder" ] || kill -0 "$forwarder" 2>/dev/null || broken "round $round: $row has ended by itself"
    stop_peer; rig_down
    echo "$line" | tee -a "$bin/rows"
  done
done
sh "$here/../../bin/node-pinned" "$here/summary.ts" "$bin/rows" "${JSON:-}"
