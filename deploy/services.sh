#!/bin/sh
# Installs the programs that tests of the real services start by themselves, and fetches the jars of
# a Kafka broker into .services/kafka. Does nothing when they are there. Where it may not install, it
# prints the command that would. Used by `make services` and by CI.
set -eu
cd "$(dirname "$0")/.."

wanted=""
for pair in promtool:prometheus prometheus-alertmanager:prometheus-alertmanager openssl:openssl \
    chromium:chromium hledger:hledger java:openjdk-17-jre-headless mvn:maven; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || wanted="$wanted ${pair##*:}"
done
# PostgreSQL's server programs are not on the path in Debian.
command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ||
    wanted="$wanted postgresql"

if [ -z "$wanted" ]; then
    echo "services: every program is installed"
elif command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "services: installing$wanted"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086 # the packages are words
    apt-get install -y -qq --no-install-recommends $wanted >/dev/null
    # Debian starts its own servers at installation; tests start theirs on ports of their own.
    if command -v systemctl >/dev/null 2>&1; then
        systemctl disable --now prometheus prometheus-alertmanager postgresql >/dev/null 2>&1 || true
    fi
else
    echo "services: missing$wanted; install with: sudo apt-get install$wanted" >&2
    exit 1
fi

jars=.services/kafka
if [ -f "$jars/.complete" ] && [ ! deploy/kafka/pom.xml -nt "$jars/.complete" ]; then
    echo "services: Kafka's jars are in $jars"
else
    echo "services: fetching Kafka's jars into $jars"
    rm -rf "$jars"
    mvn -q -B -f deploy/kafka/pom.xml dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$PWD/$jars"
    touch "$jars/.complete"
fi
