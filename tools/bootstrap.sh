#!/bin/sh
# Makes .venv/ with what Podium needs: `sh tools/bootstrap.sh app` (the site) or `… dev` (the site and its tests).
#
# The only program here that runs before any Python package exists, so it is POSIX sh and needs nothing but Python 3.11
# or newer with its venv module. Everything installed is pinned by hash in requirements/*.lock. When the locks have
# not changed since the last time, it does nothing and takes a few milliseconds.
# Whatever is wrong with the machine is said in one line that tells what to do.
set -eu
cd "$(dirname "$0")/.."

level=${1:-app}
venv=.venv
stamp=$venv/.podium-installed
log=$venv/.podium-install.log

fail() {
    printf 'Podium: %s\n' "$*" >&2
    exit 1
}

say() {
    printf 'Podium: %s\n' "$*"
}

check_place() {
    [ "$(uname -s)" = Linux ] || fail "it runs on Linux only (its sandbox is made of Linux namespaces), and this is $(uname -s)."
    [ -w . ] || fail "this folder is not writable for $(id -un): take a checkout of your own, or run it as $(stat -c %U .)."
    for owned in var $venv; do
        if [ -e $owned ] && [ "$(stat -c %u $owned)" != "$(id -u)" ]; then
            fail "$owned/ belongs to $(stat -c %U $owned), and you are $(id -un): run it as $(stat -c %U $owned), or remove $owned/ first."
        fi
    done
}

check_sandbox() {
    if [ "$(id -u)" = 0 ]; then
        unshare --mount true 2>/dev/null ||
            fail "root may not make namespaces here (a container without CAP_SYS_ADMIN?), so nothing can be sandboxed: run it on a machine of its own, or give the container that capability."
    else
        unshare --user --map-root-user --mount true 2>/dev/null ||
            fail "this kernel gives $(id -un) no user namespaces, so nothing can be sandboxed: run it as root, or allow them (sysctl user.max_user_namespaces=15000; on Debian also kernel.unprivileged_userns_clone=1, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)."
    fi
}

is_new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" >/dev/null 2>&1 || fail "PYTHON=$PYTHON cannot be run: give the path of a Python 3.11 or newer."
        is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON is too old: Podium needs Python 3.11 or newer."
        return
    fi
    for candidate in python3.11 python3.12 python3.13 python3.14 python3; do
        if command -v $candidate >/dev/null 2>&1 && is_new_enough $candidate; then
            PYTHON=$candidate
            return
        fi
    done
    fail "Python 3.11 or newer is needed: install it (on Debian 12: apt-get install python3 python3-venv), or name it with PYTHON=/path/to/python3."
}

check_venv_module() {
    "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null || {
        version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        fail "$PYTHON has no venv module: apt-get install python3-venv (or python$version-venv)."
    }
}

check_disk() {
    needed=$1
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -ge "$needed" ] || fail "$needed MB of free disk are needed for the packages, and there are $free MB: free some space."
}

# uv reads no pip.conf: what pip was told about index, certificates and wheel folders is handed on.
tell_uv() {
    pip_says() {
        "$venv/bin/python" -m pip config get "$1" 2>/dev/null || true
    }
    index=${PIP_INDEX_URL:-$(pip_says global.index-url)}
    certificates=${PIP_CERT:-$(pip_says global.cert)}
    folders=${PIP_FIND_LINKS:-$(pip_says global.find-links)}
    [ -z "$index" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
    [ -z "$certificates" ] || export SSL_CERT_FILE="${SSL_CERT_FILE:-$certificates}"
    [ -z "$folders" ] || UV_FIND_LINKS="${UV_FIND_LINKS:-$(printf '%s' "$folders" | tr -s ' \n' ',,')}"
    [ -z "${UV_FIND_LINKS:-}" ] || export UV_FIND_LINKS
    export UV_NO_CONFIG=1 UV_PYTHON_DOWNLOADS=never
}

explain_install() {
    if grep -q -i 'no space left' "$log"; then
        fail "the disk became full while packages were installed: free some space and run it again."
    fi
    if grep -q -i -E 'no matching distribution|connection|timed out|timeout|dns|tunnel|certificate|error sending request|failed to fetch|client error' "$log"; then
        fail "the packages cannot be fetched: check the network, or set PIP_INDEX_URL to a mirror that this machine reaches (details: $log)."
    fi
    fail "the packages cannot be installed: $(tail -n 1 "$log") (details: $log)"
}

install() {
    find_python
    check_venv_module
    if [ "$level" = dev ]; then check_disk 1500; else check_disk 600; fi
    if ! { [ -x $venv/bin/python ] && is_new_enough $venv/bin/python && $venv/bin/python -m pip --version >/dev/null 2>&1; }; then
        say "making $venv/ with $("$PYTHON" --version)"
        rm -rf $venv
        "$PYTHON" -m venv $venv >/dev/null 2>&1 || fail "$PYTHON -m venv $venv failed: is python3-venv installed (apt-get install python3-venv)?"
    fi
    rm -f $stamp
    # uv's own pin and hashes stand in the lock like everybody's.
    awk '/^[^ #]/ { wanted = /^uv==/ } wanted' requirements/app.lock > $venv/.podium-uv.lock
    version=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' $venv/.podium-uv.lock)
    if [ "$($venv/bin/uv --version 2>/dev/null | cut -d ' ' -f 2)" != "$version" ]; then
        say "fetching the installer (uv $version)"
        $venv/bin/python -m pip install --quiet --no-deps --require-hashes --retries 1 -r $venv/.podium-uv.lock >"$log" 2>&1 || explain_install
    fi
    tell_uv
    say "installing packages from ${locks}"
    # shellcheck disable=SC2086 # the locks are words
    $venv/bin/uv pip sync --python $venv/bin/python --require-hashes $locks >"$log" 2>&1 || explain_install
    printf '%s\n' "$wanted" > $stamp
}

digest() {
    cat "$@" | sha256sum | cut -d ' ' -f 1
}

case $level in
    app) locks=requirements/app.lock ;;
    dev) locks="requirements/app.lock requirements/dev.lock" ;;
    *) fail "usage: sh tools/bootstrap.sh app|dev" ;;
esac

check_place
[ "$level" = dev ] || check_sandbox
# shellcheck disable=SC2086
wanted="$level $(digest $locks)"
installed=$(cat $stamp 2>/dev/null || true)
# What the tests need includes what the site needs.
if [ -x $venv/bin/python ] && { [ "$installed" = "$wanted" ] || [ "$installed" = "dev $(digest requirements/app.lock requirements/dev.lock)" ]; }; then
    exit 0
fi
install
