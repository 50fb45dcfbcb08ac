#!/bin/sh
# Puts the units of this folder into place, with their user, settings and secret key. What is there already stays as it is.
#
#     sudo sh /opt/podium/deploy/systemd/install.sh        DESTDIR=/elsewhere: into a tree that is not this machine
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-}
state=$root/var/lib/podium

[ -n "$root" ] || {
    [ "$(id -u)" = 0 ] || { echo "install.sh: run me as root" >&2; exit 1; }
    getent passwd podium >/dev/null ||
        useradd --system --user-group --home-dir /var/lib/podium --no-create-home --shell /usr/sbin/nologin podium
}
owned() { # owned OWNER PATH: where this is the machine itself
    [ -n "$root" ] || chown "$1" "$2"
}

install -d -m 755 "$root/etc/systemd/system" "$root/etc/podium"
install -d -m 750 "$root/etc/podium/secrets"
owned root:podium "$root/etc/podium/secrets"
install -d -m 711 "$state"
install -d -m 711 "$state/secrets"
for folder in "$state/run" "$state/uploads" "$state/blobs" "$state/static" "$state/secrets/pools"; do
    install -d -m 700 "$folder"
    owned podium:podium "$folder"
done
owned podium:podium "$state"
owned podium:podium "$state/secrets"
install -m 644 "$here"/podium*.service "$here"/podium.target "$root/etc/systemd/system/"
[ -e "$root/etc/podium/podium.env" ] || install -m 644 "$here/podium.env" "$root/etc/podium/"
key=$root/etc/podium/secrets/secret_key
[ -s "$key" ] || (
    umask 077
    head -c 72 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' >"$key.draft"
    chmod 640 "$key.draft"
    owned root:podium "$key.draft"
    mv "$key.draft" "$key"
)
[ -n "$root" ] || systemctl daemon-reload
echo "installed; look at /etc/podium/podium.env, then: systemctl enable --now podium.target podium-prepare podium-web" \
    "podium-judge podium-beat podium-publisher podium-agent"
