#!/bin/bash
# Alternating rounds of the C program and of ours on the same rig: «round forwarder pps tcp-gbit rtt-ms».
#   tap-forward.sh PEERS [ROUNDS=3] [FORWARDER=c-uring uring ...]      PEERS: the folder with rig.sh; as root, with gcc and iperf3
cd "$(dirname "$0")" || exit 1
. "$1/rig.sh"
if ip netns list | grep -qE '^n[ab]( |$)'; then echo 'the namespaces na and nb of the rig are in use' >&2; exit 75; fi
rounds=${2:-3}; shift; [ $# -eq 0 ] || shift; [ $# -gt 0 ] || set -- c-uring uring
bin=$(mktemp -d); rig_build "$bin"; trap 'rig_down; rm -rf "$bin"' EXIT
node() { exec sh ../../bin/node-pinned --disable-warning=ExperimentalWarning "$@"; }
for round in $(seq "$rounds"); do
  for forwarder in "$@"; do
    rig_up
    case $forwarder in
      c-uring) timeout 40 "$bin/tap-forward-uring" ta tb 10 >"$bin/out" & ;;
      uring | poll) (TAPYARD_IO=$forwarder node tap-forward.ts ta tb 10) >"$bin/out" & ;;
    esac
    pid=$!
    sleep 1; rig_join
    echo "$round $forwarder $(rig_pps 2 60 1) $(rig_tcp 2) $(rig_rtt)"
    wait $pid; sed 's/^/    /' "$bin/out"
    rig_down
  done
done
