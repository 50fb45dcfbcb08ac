#!/bin/sh
# Make a base image for Podium's environments where none can be pulled: Debian's own Python, from this machine's
# Debian mirror, and nothing else. Needs root, debootstrap and a Docker daemon; takes about a minute and a half.
#
#   tools/base_image.sh [REPOSITORY:TAG]        default podium/base:debian
#
# PODIUM_DOCKER_HOST or DOCKER_HOST says where the daemon is. The same packages give the same image: files are sorted,
# their times are that of the newest package list, and what differs between two runs (logs, caches, the
# machine's name and resolver) is left out. Where images can be pulled, python:3.11-slim is the better base.
set -eu

tag=${1:-podium/base:debian}
export DOCKER_HOST="${PODIUM_DOCKER_HOST:-${DOCKER_HOST:-unix:///var/run/docker.sock}}"

[ "$(id -u)" = 0 ] || { echo "base_image.sh: run me as root: debootstrap needs mounts and device nodes" >&2; exit 1; }
for command in debootstrap docker; do
    command -v "$command" >/dev/null || { echo "base_image.sh: apt-get install debootstrap docker.io" >&2; exit 1; }
done

. /etc/os-release
# The mirror that this machine's own packages came from, whichever way it is written down.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
    awk -v release="$VERSION_CODENAME" '$2 == release { print $1; exit }')

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
root=$folder/root

debootstrap --variant=minbase --include=python3,python3-venv "$VERSION_CODENAME" "$root" ${mirror:+"$mirror"} >"$folder/log" 2>&1 || {
    tail -n 5 "$folder/log" >&2
    echo "base_image.sh: debootstrap failed; does this machine reach ${mirror:-a Debian mirror}?" >&2
    exit 1
}
newest=$(find "$root/var/lib/apt/lists" -name '*Release' -printf '%T@\n' | sort -n | tail -n 1)
find "$root/var/cache/apt" "$root/var/lib/apt/lists" "$root/var/log" "$root/run" "$root/tmp" -type f -delete
find "$root" -xdev -name __pycache__ -prune -exec rm -rf {} +
rm -rf "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale" "$root/var/cache/ldconfig/aux-cache"
rm -f "$root/etc/resolv.conf" "$root/etc/hostname" "$root/etc/apt/sources.list" "$root"/etc/*- "$root/var/cache/debconf"/*-old
: >"$root/etc/machine-id"
chroot "$root" /usr/bin/python3 -m compileall -q /usr/lib/python3 /usr/lib/python3.* >/dev/null 2>&1 || true

tar --create --directory "$root" --sort=name --numeric-owner --mtime="@${newest%.*}" --clamp-mtime --one-file-system . |
    docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' \
        --change 'CMD ["python3"]' --message "Debian $VERSION_CODENAME with its Python" - "$tag"
