#!/usr/bin/env bash
# make_env.sh VENV LOCK: a virtual environment with the locked versions and this checkout in it.
# Done once per content of the lock and of pyproject.toml; after that it costs a few milliseconds.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1 lock=$2

key=$( { cat "$lock" pyproject.toml "$0"; pwd; } | sha256sum | cut -c1-16)
stamp=$venv/.stamps/env-$key
[ -e "$stamp" ] && [ -x "$venv/bin/python" ] && exit 0

suits() {  # the tools of some systems stand on the PATH without a Python behind them, so ask it
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

if [ -x "$venv/bin/python" ] && ! { suits "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
    echo "environment: the one in $venv is unusable and is made again"
    rm -rf "$venv"
fi
if [ ! -x "$venv/bin/python" ]; then
    python=
    for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3 python; do
        if suits "$candidate"; then python=$candidate; break; fi
    done
    if [ -z "$python" ]; then
        echo "error: python: needs 3.11, 3.12 or 3.13 on the PATH (or make PYTHON=/path/to/python3.11); TensorFlow has wheels for these" >&2
        exit 1
    fi
    echo "environment: $("$python" -c 'import platform, sys; print("Python", platform.python_version(), "at", sys.executable)'), into $venv"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        scripts/system_package.sh --install "python$version-venv"
    fi
    "$python" -m venv "$venv"
fi

packages=$(grep -c '==' "$lock")
echo "environment: $packages packages of $lock (about 1 GB to load the first time, some minutes)"
pip="$venv/bin/python -m pip --disable-pip-version-check --no-input"
# The lock is complete, so nothing is to be resolved: that is the quick way, and exactly these versions.
$pip install -qq --no-deps --requirement "$lock"
echo "environment: this checkout, editable"
$pip install -qq --no-deps --no-build-isolation --editable .
mkdir -p "$venv/.stamps"
rm -f "$venv"/.stamps/env-*
touch "$stamp"
