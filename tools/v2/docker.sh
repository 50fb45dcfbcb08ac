#!/bin/sh
# Run Docker's tests as on an ordinary host of today: systemd, cgroup v2, dockerd with systemd's cgroup driver, and then
# with the other driver. A virtual machine of this Debian with its docker.io (emulated: about 40 minutes).
#     sh tools/v2/docker.sh       needs root and: apt-get install debootstrap qemu-system-x86 e2fsprogs cpio docker.io
# Everything lies below var/v2-docker and may be deleted. The last line says PASSED or FAILED, and so does the exit status.
set -eu
cd "$(dirname "$0")/../.."
top=$PWD/var/v2-docker
root=$top/root
. tools/v2/machine.sh

needs debootstrap qemu-system-x86_64 mke2fs cpio dockerd runsc
make_debian ",systemd,systemd-sysv,apparmor,docker.io,debootstrap"
version=$(basename "$top"/kernel/lib/modules/*)
[ -d "$root/lib/modules/$version" ] || {
    mkdir -p "$root/lib/modules"
    cp -a "$top/kernel/lib/modules/$version" "$root/lib/modules/"
    depmod --basedir "$root" "$version"
}
add_checkout
chroot "$root" python3 -m compileall -q -j 2 /venv/lib /podium >/dev/null || true # there it would take minutes
cp "$(command -v runsc)" "$root/usr/bin/runsc"
.venv/bin/python -m tools.v2.images "$root/var/lib/podium-docker"

mkdir -p "$root/etc/docker" "$root/etc/systemd/system/multi-user.target.wants"
cp tools/v2/podium-tests.service "$root/etc/systemd/system/"
ln -sfn ../podium-tests.service "$root/etc/systemd/system/multi-user.target.wants/podium-tests.service"
for unit in serial-getty@ttyS0.service getty@tty1.service apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service; do
    ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done
echo v2 >"$root/etc/hostname"
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
ln -sfn /lib/systemd/systemd "$root/init"
make_disk 8G
run_machine 5400
