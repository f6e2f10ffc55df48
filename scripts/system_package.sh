#!/usr/bin/env bash
# system_package.sh PROGRAM PACKAGE [WHY-IT-MAY-BE-MISSING]: install a Debian package unless its program is
# there already. Where the user may not install, one line names the command to type; that ends in failure,
# or, with a third argument, in that explanation and success.
# system_package.sh --install PACKAGE: install it in any case.
set -euo pipefail
program=$1 package=$2 without=${3:-}

if [ "$program" != --install ] && command -v "$program" >/dev/null 2>&1; then exit 0; fi

if [ "$(uname)" = Darwin ]; then
    command="brew install $package"
else
    command="sudo apt-get install $package"
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then as_root="sudo -n"; fi

if command -v apt-get >/dev/null 2>&1 && { [ -z "$as_root" ] || sudo -n true 2>/dev/null; }; then
    echo "system: installing $package"
    log=$(mktemp)
    install="$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $package"
    # The package lists of a fresh machine are empty or old: fetch them when the first try says so.
    if $install >"$log" 2>&1 </dev/null || { $as_root apt-get update -q >"$log" 2>&1 && $install >"$log" 2>&1 </dev/null; }; then
        rm -f "$log"
        exit 0
    fi
    tail -n 3 "$log" >&2
    rm -f "$log"
fi
if [ -n "$without" ]; then
    echo "system: $package is missing ($without); to install it, type: $command"
    exit 0
fi
echo "error: $package: is missing and cannot be installed from here; type: $command" >&2
exit 1
