#!/bin/sh
# `make clean`: removes .venv/ and var/, and says before what that is and how large.
#
# Refuses while a site runs on var/ (its supervisor holds a lock that the kernel takes away with it), and asks unless
# CONFIRM=yes. What PODIUM_VAR or PODIUM_ENVIRONMENTS_DIR name elsewhere is left alone.
set -eu
cd "$(dirname "$0")/.."

fail() {
    printf 'Podium: %s\n' "$*" >&2
    exit 1
}

if [ -e var/run/supervisor.lock ]; then
    flock --nonblock var/run/supervisor.lock true ||
        fail "a site runs on var/: stop it first (Ctrl-C in its terminal; var/run/processes.json names it). Nothing was removed."
fi

found=
for folder in .venv var; do
    [ ! -e $folder ] || found="$found $folder"
done
if [ -z "$found" ]; then
    printf 'There is neither .venv/ nor var/: nothing to remove.\n'
    exit 0
fi

say() {
    [ ! -e "$1" ] || printf '  %-20s %6s  %s\n' "$1" "$(du -sh "$1" | cut -f 1)" "$2"
}

printf 'This removes from %s, for good:\n' "$(pwd)"
say .venv 'installed packages'
say var/podium.sqlite3 'the database: contests, people, submissions, scores'
say var/blobs 'every uploaded file'
say var/secrets 'passwords, keys and tokens of this site'
say var/environments 'environments of the sandboxes; building them again takes minutes'
say var 'all of var/, with what is named above'
case ${PODIUM_VAR:-} in '' | "$(pwd)/var") ;; *) printf 'PODIUM_VAR=%s stays.\n' "$PODIUM_VAR" ;; esac

answer=${CONFIRM:-}
if [ -z "$answer" ]; then
    printf 'Type yes: '
    read -r answer || answer=
fi
[ "$answer" = yes ] || fail 'nothing was removed.'
# shellcheck disable=SC2086 # the folders are words
rm -rf $found
printf 'Removed.\n'
