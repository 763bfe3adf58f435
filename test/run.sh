#!/bin/sh
# All tests, as `npm test` runs them; words are handed to vitest (sh test/run.sh test/unit/emit.test.ts -t name).
# Installs the Debian packages that the tests need, where it may. A suite that cannot run here is named, with the reason; with
# CI=true that is a failure. Coverage is measured with CI=true or COVERAGE=1: it doubles the time.
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
sh bin/prepare libatomic.so.1=libatomic1 ip=iproute2 tc=iproute2 ethtool=ethtool tshark=tshark \
  osken-manager=python3-os-ken ovs-testcontroller=openvswitch-testcontroller \
  pgrep=procps setpriv=util-linux unshare=util-linux busybox=busybox-static cpio=cpio openssl=openssl ovs-ofctl=openvswitch-common \
  zsh=zsh fish=fish
