#!/bin/sh
# Run the sandbox's tests on a kernel with cgroup v2 alone, as root and as an ordinary user with a delegated cgroup:
# a virtual machine of this Debian (emulated: about 4 minutes, most of it the tests), for hosts that have version 1.
#     sh tools/v2/run.sh          needs root and: apt-get install debootstrap qemu-system-x86 e2fsprogs cpio
# Everything lies below var/v2 and may be deleted. The last line says PASSED or FAILED, and so does the exit status.
set -eu
cd "$(dirname "$0")/../.."
top=$PWD/var/v2
root=$top/root
. tools/v2/machine.sh

needs debootstrap qemu-system-x86_64 mke2fs cpio
make_debian ""
add_checkout
install -m 755 tools/v2/init "$root/init"
make_disk 4G
run_machine 1500
