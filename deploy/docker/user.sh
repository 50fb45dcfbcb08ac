#!/bin/sh
# The user of the site's processes, and what they write to: a new named volume takes its owner from here.
set -eu
echo 'podium:x:10001:10001::/var/lib/podium:/usr/sbin/nologin' >>/etc/passwd
echo 'podium:x:10001:' >>/etc/group
mkdir -p /var/lib/podium/run /var/lib/podium/uploads /var/lib/podium/blobs /var/lib/podium/secrets/pools
chmod -R go= /var/lib/podium
mkdir -p /run/podium/pools  # where the runner sees the tokens: whoever mounts the volume first, it has this owner
chmod go= /run/podium/pools
chown -R 10001:10001 /var/lib/podium /run/podium
rm "$0"
