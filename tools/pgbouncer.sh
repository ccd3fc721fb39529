#!/bin/sh
# Installs PgBouncer, which the tests of poolers start, where it is missing and root has apt-get; says so elsewhere.
# The service that its package would start stays off: each test starts a PgBouncer of its own.
set -eu
PATH="$PATH:/usr/sbin"

if command -v pgbouncer >/dev/null; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "pgbouncer is not installed: the tests of poolers will be skipped" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends pgbouncer; } >/dev/null 2>&1 || {
    echo "pgbouncer could not be installed: the tests of poolers will be skipped" >&2
    exit 0
}
if command -v service >/dev/null; then
    service pgbouncer stop >/dev/null 2>&1 || true
fi
