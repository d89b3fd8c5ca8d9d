#!/usr/bin/env bash
# What some tests need from the system, not from Python: installed where apt-get and the right to use it are there, else
# listed in .pytest_cache/missing_packages, which the end of the test run repeats. A program, or a file
# or folder (an R package), per line: program, Debian package.
set -euo pipefail
cd "$(dirname "$0")/.."

needed="node:nodejs
npm:npm
chromium:chromium
chromedriver:chromium-driver
redis-server:redis-server
/usr/lib/postgresql:postgresql
Rscript:r-base-core
/usr/lib/R/site-library/quantreg:r-cran-quantreg
/usr/lib/R/site-library/lme4:r-cran-lme4
/usr/lib/R/site-library/lmerTest:r-cran-lmertest
/usr/lib/R/site-library/emmeans:r-cran-emmeans
/usr/share/R/debian/r-cran.mk:r-base-dev
/usr/lib/$(uname -m)-linux-gnu/openblas-pthread:libopenblas0-pthread"
list=.pytest_cache/missing_packages

missing() {
    local line
    while read -r line; do
        command -v "${line%%:*}" >/dev/null || [[ -e ${line%%:*} ]] || echo "${line##*:}"
    done <<<"$needed"
}

packages=$(missing)
if [[ -n $packages ]]; then
    as_root=()
    [[ $(id -u) -eq 0 ]] || as_root=(sudo -n)
    if command -v apt-get >/dev/null && { [[ $(id -u) -eq 0 ]] || sudo -n true 2>/dev/null; }; then
        echo "Installing what the tests need: ${packages//$'\n'/ }"
        # shellcheck disable=SC2086
        { "${as_root[@]}" apt-get update -qq &&
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages; } >/dev/null ||
            echo "apt-get could not install them; the tests that need them are listed at the end"
        packages=$(missing)
    fi
fi
mkdir -p .pytest_cache
if [[ -n $packages ]]; then echo "$packages" >"$list"; else rm -f "$list"; fi

# Servers that speak Kinesis, for the tests of the stream: npm packages, pinned in kinesis_server/package.json, in a folder of their own.
servers=${LA_TEST_NPM:-${XDG_CACHE_HOME:-$HOME/.cache}/la-tests-npm}
if command -v npm >/dev/null && ! cmp -s tests/kinesis_server/package.json "$servers/package.json" 2>/dev/null; then
    echo "Installing what the tests of the stream need into $servers"
    mkdir -p "$servers"
    if npm install --prefix "$servers" --silent --no-audit --no-fund --no-package-lock --omit=optional --ignore-scripts \
        $(sed -nE 's/^ *"([a-z-]+)": "([0-9.]+)",?$/\1@\2/p' tests/kinesis_server/package.json); then
        cp tests/kinesis_server/package.json "$servers/package.json"
    else
        echo "npm could not install them; the tests that need them are listed at the end"
    fi
fi
