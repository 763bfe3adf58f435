#!/bin/sh
# All tests, as `npm test` runs them; words are handed to vitest (sh test/run.sh test/unit/emit.test.ts -t name).
# Installs the Debian packages that the tests need, where it may. A suite that cannot run here is named, with the reason; with
# CI=true that is a failure. Coverage is measured with CI=true or COVERAGE=1: it doubles the time.
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
sh bin/prepare libatomic.so.1=libatomic1 ip=iproute2 tc=iproute2 systemd-analyze=systemd ethtool=ethtool tshark=tshark \
  osken-manager=python3-os-ken ovs-testcontroller=openvswitch-testcontroller \
  pgrep=procps setpriv=util-linux unshare=util-linux busybox=busybox-static cpio=cpio openssl=openssl ovs-ofctl=openvswitch-common \
  zsh=zsh fish=fish promtool=prometheus
case $(uname -m) in
  aarch64) sh bin/prepare qemu-system-aarch64=qemu-system-arm ;;
  *) sh bin/prepare qemu-system-x86_64=qemu-system-x86 ;;
esac
sh examples/guest/make node_modules/.cache/guest
sh bin/install-cap
rm -rf coverage
mkdir -p coverage/threads
sh bin/node-pinned test/needs.ts || exit
case ${CI:-false} in false) coverage=${COVERAGE:-0} ;; *) coverage=1 ;; esac
if [ "$coverage" = 1 ]; then
  set -- --coverage "$@"
  # Worker threads and child processes of the tests leave theirs here; see test/coverage.ts.
  export TAPYARD_COVERAGE="$PWD/coverage/threads"
fi
sh bin/node-pinned node_modules/vitest/vitest.mjs run --reporter=default --reporter=json \
  --outputFile.json=coverage/results.json "$@"
status=$?
[ "$coverage" = 1 ] && sh bin/node-pinned test/coverage.ts
sh bin/node-pinned test/closing.ts || status=1
exit $status
