#!/bin/sh
# Run the sandbox's tests on a kernel with cgroup v2 alone, as root and as an ordinary user with a delegated cgroup:
# a virtual machine of this Debian (emulated: about 4 minutes, most of it the tests), for hosts that have version 1.
#     sh tools/v2/run.sh          needs root and: apt-get install debootstrap qemu-system-x86 e2fsprogs cpio
# Everything lies below var/v2 and may be deleted. The last line says PASSED or FAILED, and so does the exit status.
set -eu
cd "$(dirname "$0")/../.."
top=$PWD/var/v2
root=$top/root
mkdir -p "$top"
for needed in debootstrap qemu-system-x86_64 mke2fs cpio; do
    command -v "$needed" >/dev/null || { echo "tools/v2: $needed is missing, see the head of this file" >&2; exit 1; }
done

if [ ! -f "$root/etc/debian_version" ]; then
    echo "making a Debian of its own"
    debootstrap --variant=minbase --include=python3,python3-venv,util-linux,procps,iproute2,busybox-static,kmod \
        bookworm "$root" >"$top/debootstrap.log"
fi
if ! ls "$top"/kernel/boot/vmlinuz-* >/dev/null 2>&1; then
    echo "fetching a kernel"
    name=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -n 1)
    (cd "$top" && apt-get -qq download "$name" && dpkg -x "$name"_*.deb kernel)
fi
if [ ! -x "$root/venv/bin/pytest" ]; then
    echo "installing what the tests need"
    .venv/bin/uv venv -q --clear --python /usr/bin/python3.11 --relocatable "$root/venv"
    .venv/bin/uv pip install -q --python "$root/venv/bin/python" -r requirements/dev.lock
    ln -sfn /usr/bin/python3.11 "$root/venv/bin/python"
fi
rm -rf "$root/podium"
mkdir "$root/podium"
git ls-files -z | tar --null --create --files-from - | tar --extract --directory "$root/podium"
install -m 755 tools/v2/init "$root/init"

echo "making its disk"
rm -f "$top/disk.img"
truncate -s 4G "$top/disk.img"
mke2fs -q -t ext4 -d "$root" "$top/disk.img"
rm -rf "$top/boot"
mkdir -p "$top/boot/bin" "$top/boot/mods" "$top/boot/new" "$top/boot/dev"
cp "$root/bin/busybox" "$top/boot/bin/"
ln -s busybox "$top/boot/bin/sh"
for module in virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk; do
    find "$top/kernel/lib/modules" -name "$module.ko" -exec cp {} "$top/boot/mods/" \;
done
install -m 755 tools/v2/initramfs "$top/boot/init"
(cd "$top/boot" && find . | cpio -o -H newc --quiet | gzip >../boot.gz)

echo "running"
nice timeout 1500 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 6000 -nographic -no-reboot \
    -kernel "$top"/kernel/boot/vmlinuz-* -initrd "$top/boot.gz" -append "console=ttyS0 panic=-1 quiet loglevel=1" \
    -drive "file=$top/disk.img,if=virtio,format=raw,cache=unsafe" </dev/null | tee "$top/said"
if grep -q '^V2: all held' "$top/said"; then echo PASSED; else echo FAILED; exit 1; fi
