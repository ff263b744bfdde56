#!/bin/sh
# Installs the programs that tests of the real services start by themselves. Does nothing when they
# are there. Where it may not install, it prints the command that would.
# Used by `make services` and by CI.
set -eu

wanted=""
for pair in promtool:prometheus chromium:chromium hledger:hledger; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || wanted="$wanted ${pair##*:}"
done

if [ -z "$wanted" ]; then
    echo "services: everything is installed"
elif command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "services: installing$wanted"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # the packages are words
    apt-get install -y -qq --no-install-recommends $wanted >/dev/null
    # Debian starts its own Prometheus at installation; tests start theirs on ports of their own.
    if command -v systemctl >/dev/null 2>&1; then
        systemctl disable --now prometheus >/dev/null 2>&1 || true
    fi
else
    echo "services: missing$wanted; install with: sudo apt-get install$wanted" >&2
    exit 1
fi
