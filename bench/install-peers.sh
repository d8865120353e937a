#!/bin/sh
# Installs the libraries of the peers from Debian's or Ubuntu's packages. Varve's own workloads run without them.
set -eu
run() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
run apt-get update -qq
run apt-get install -y --no-install-recommends librocksdb-dev libleveldb-dev liblmdb-dev libsqlite3-dev
