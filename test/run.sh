#!/bin/sh
# All tests, as `npm test` runs them; words are handed to vitest (sh test/run.sh test/unit/route.test.ts -t name).
# Installs the Debian packages that the tests need, where it may. A suite that cannot run here is named, with the reason; with
# CI=true that is a failure.
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
sh bin/prepare libatomic.so.1=libatomic1 ip=iproute2 tc=iproute2 ethtool=ethtool tshark=tshark \
  setpriv=util-linux unshare=util-linux pgrep=procps
rm -rf coverage
mkdir -p coverage/threads
sh bin/node-pinned test/needs.ts || exit
# Worker threads and child processes of the tests leave their coverage here; see test/coverage.ts.
TAPYARD_COVERAGE=$PWD/coverage/threads sh bin/node-pinned node_modules/vitest/vitest.mjs run \
  --coverage --reporter=default --reporter=json --outputFile.json=coverage/results.json "$@"
status=$?
sh bin/node-pinned test/coverage.ts
sh bin/node-pinned test/closing.ts
exit $status
