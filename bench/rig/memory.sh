#!/bin/bash
# The path in memory against Open vSwitch with DPDK on the same frames and the same policy, one core each, in alternating rounds: `tapyard bench path`
# beside net_pcap -> flows -> net_null. Open vSwitch runs at its best of three: the exact match cache for every flow (EMC), the signature match
# cache (SMC), neither; a round of each tells which. Prints each round, then medians and the ratio, between the 10th and the 90th percentile.
#
#   RIG_DIR=DIR bench/rig/memory.sh CONFIG PCAP FLOWS [ROUNDS=9]        as root
#
#   RIG_DIR   folder with ovs.sh: ovs_start, ovs_stop
#   CONFIG    of Tapyard, ports of kind {memory: true}   FLOWS  the same policy as rules in the syntax of ovs-ofctl, from port 1 to port 2
#   IN        port of CONFIG that receives, default a
#   S         seconds of each round, default 4
#   BAR       least ratio; without it nothing is judged
#
# Needs openvswitch-switch-dpdk, librte-net-null23, librte-net-pcap23, python3, and 700 huge pages of 2 MiB, which it takes and gives back. It
# runs in network and mount namespaces of its own. Exit code 1: the bar does not hold; 70: something broke.
set -u
here=$(cd "$(dirname "$0")" && pwd)
rig=${RIG_DIR:?the folder with ovs.sh}
[ $# -ge 3 ] || { sed -n '2,16s/^# \{0,1\}//p' "$0" >&2; exit 2; }
if [ -z "${RIG_PRIVATE:-}" ]; then
  RIG_PRIVATE=1 exec unshare --mount --net "$0" "$@"
fi
mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up || exit 70
config=$1 pcap=$(realpath "$2") flows=$3 rounds=${4:-9} seconds=${S:-4}
. "$rig/ovs.sh"
pages=$(cat /proc/sys/vm/nr_hugepages)
home=
end() { [ -n "$home" ] && { ovs_stop; rm -rf "$home"; home=; }; }
trap 'end; echo "$pages" >/proc/sys/vm/nr_hugepages' EXIT
trap 'exit 130' INT TERM
broken() { echo "broken: $*" >&2; exit 70; }
[ "$pages" -ge 700 ] || echo 700 >/proc/sys/vm/nr_hugepages
[ "$(cat /proc/sys/vm/nr_hugepages)" -ge 700 ] || broken 'the kernel has no 700 huge pages of 2 MiB to give'
mountpoint -q /dev/hugepages || { mkdir -p /dev/hugepages && mount -t hugetlbfs none /dev/hugepages; } || broken 'no hugetlbfs'

# Million packets a second of Open vSwitch. $1: emc, smc or neither
ovs() {
  local caches
  case $1 in
    emc) caches='emc-insert-inv-prob=1' ;;
    smc) caches='emc-insert-inv-prob=0 smc-enable=true' ;;
    neither) caches='emc-insert-inv-prob=0' ;;
  esac
  home=$(mktemp -d)
  OVS_SWITCHD=/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk ovs_start "$home" dpdk-init=true pmd-cpu-mask=0x2 dpdk-socket-mem=1024 \
    "dpdk-extra=\"--no-pci --vdev=net_pcap0,rx_pcap=$pcap,infinite_rx=1 --vdev=net_null0,no-rx=1\"" $caches || broken 'Open vSwitch does not start'
  sleep 1
  ovs-vsctl -t 15 --db="$OVS_DB" add-br br0 -- set bridge br0 datapath_type=netdev \
    -- add-port br0 p0 -- set interface p0 type=dpdk options:dpdk-devargs=net_pcap0 ofport_request=1 \
    -- add-port br0 p1 -- set interface p1 type=dpdk options:dpdk-devargs=net_null0 ofport_request=2 || broken 'no bridge'
  ovs-ofctl del-flows "unix:$home/br0.mgmt"
  # Some actions are of OpenFlow 1.3 alone, others of Open vSwitch's extension of 1.0.
  ovs-ofctl -O OpenFlow13 add-flows "unix:$home/br0.mgmt" "$flows" 2>/dev/null || ovs-ofctl add-flows "unix:$home/br0.mgmt" "$flows" || broken 'Open vSwitch does not take the flows'
  sleep 2
  local before after began ended
  before=$(sent) began=$(date +%s%N)
  sleep "$seconds"
  after=$(sent) ended=$(date +%s%N)
  end
  python3 -c "print('%.3f' % (($after - $before) / ($ended - $began) * 1e3))"
}
# Asked of the port itself: the database hears of it every five seconds.
sent() { ovs-ofctl dump-ports "unix:$home/br0.mgmt" 2 | sed -n 's/.*tx pkts=\([0-9]*\),.*/\1/p'; }

tapyard() {
  "$here/../../bin/tapyard" bench path --config "$config" --pcap "$pcap" --in "${IN:-a}" --seconds "$seconds" --json |
    python3 -c 'import json, sys; one = json.load(sys.stdin); print(one["mpps"]) if one.get("verified") else sys.exit(1)'
}

best=emc most=0
for caches in emc smc neither; do
  # Not in a subshell: what it starts is to be ended by this one.
  ovs $caches >"/run/netns/.rate" || exit
  rate=$(cat /run/netns/.rate)
  echo "ovs with $caches: $rate Mpps"
  if python3 -c "import sys; sys.exit(not $rate > $most)"; then best=$caches most=$rate; fi
done
for round in $(seq "$rounds"); do
  ovs $best >/run/netns/.rate || exit
  theirs=$(cat /run/netns/.rate)
  ours=$(tapyard) || broken "the output of 'tapyard bench path' is not what was to come"
  echo "round $round: tapyard $ours Mpps, ovs ($best) $theirs"
  echo "$ours $theirs" >>/run/netns/.rounds
done
python3 - "${BAR:-0}" <<'P' || exit 1
import sys
rounds = [tuple(map(float, line.split())) for line in open('/run/netns/.rounds')]
def told(values):
    ordered = sorted(values)
    at = lambda share: ordered[round(share * (len(ordered) - 1))]
    return '%.2f (%.2f to %.2f)' % (at(0.5), at(0.1), at(0.9)), at(0.5)
ratio, middle = told([ours / theirs for ours, theirs in rounds])
print('tapyard %s Mpps, ovs %s Mpps, ratio %s' % (told([r[0] for r in rounds])[0], told([r[1] for r in rounds])[0], ratio))
bar = float(sys.argv[1])
if bar > 0: print('%s at least %s' % ('held  ' if middle >= bar else 'MISSED', bar))
sys.exit(bar > 0 and middle < bar)
P
