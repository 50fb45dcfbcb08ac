#!/bin/sh
# Start deploy/systemd for real: installed as docs/operate.md says, on a Debian with systemd, Redis and cgroup v2.
# A virtual machine (emulated: about nine minutes).
#     sh tools/v2/units.sh        needs root and: apt-get install debootstrap qemu-system-x86 e2fsprogs cpio
# Everything lies below var/v2-units and may be deleted. The last line says PASSED or FAILED, and so does the exit status.
set -eu
cd "$(dirname "$0")/../.."
top=$PWD/var/v2-units
root=$top/root
. tools/v2/machine.sh

needs debootstrap qemu-system-x86_64 mke2fs cpio
make_debian ",systemd,systemd-sysv,redis-server,curl,ca-certificates"
add_checkout
ln -sfn /venv "$root/podium/.venv"
ln -sfn /podium "$root/opt/podium"
install -m 755 tools/v2/units_test "$root/podium-units-test"
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
sed -e 's#^ExecStart=.*#ExecStart=/bin/sh /podium-units-test#' -e 's#^Description=.*#Description=Podium: start its units#' \
    tools/v2/podium-tests.service >"$root/etc/systemd/system/podium-tests.service"
ln -sfn ../podium-tests.service "$root/etc/systemd/system/multi-user.target.wants/podium-tests.service"
for unit in serial-getty@ttyS0.service getty@tty1.service apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service; do
    ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
ln -sfn /lib/systemd/systemd "$root/init"
make_disk 4G
run_machine 5400
