# What the virtual machines of this folder have in common; sourced in the checkout's top with $top and $root set.
# shellcheck shell=sh

needs() {
    for needed in "$@"; do
        command -v "$needed" >/dev/null || { echo "tools/v2: $needed is missing, see the head of this file" >&2; exit 1; }
    done
}

# A Debian with the packages that are named, and a kernel for it.
make_debian() {
    mkdir -p "$top"
    if [ ! -f "$root/etc/debian_version" ]; then
        echo "making a Debian of its own"
        debootstrap --variant=minbase --include="python3,python3-venv,util-linux,procps,iproute2,busybox-static,kmod$1" \
            bookworm "$root" >"$top/debootstrap.log"
    fi
    if ! ls "$top"/kernel/boot/vmlinuz-* >/dev/null 2>&1; then
        echo "fetching a kernel"
        name=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -n 1)
        (cd "$top" && apt-get -qq download "$name" && dpkg -x "$name"_*.deb kernel)
    fi
}

# The packages that the tests need, and this checkout.
add_checkout() {
    lock=$(sha256sum requirements/dev.lock)
    if [ "$(cat "$root/venv/lock" 2>/dev/null)" != "$lock" ]; then
        echo "installing what the tests need"
        .venv/bin/uv venv -q --clear --python /usr/bin/python3.11 --relocatable "$root/venv"
        .venv/bin/uv pip install -q --python "$root/venv/bin/python" -r requirements/dev.lock
        ln -sfn /usr/bin/python3.11 "$root/venv/bin/python"
        echo "$lock" >"$root/venv/lock"
    fi
    rm -rf "$root/podium"
    mkdir "$root/podium"
    git ls-files -z | tar --null --create --files-from - | tar --extract --directory "$root/podium"
}

make_disk() { # SIZE
    echo "making its disk"
    rm -f "$top/disk.img"
    truncate -s "$1" "$top/disk.img"
    mke2fs -q -t ext4 -d "$root" "$top/disk.img"
    rm -rf "$top/boot"
    mkdir -p "$top/boot/bin" "$top/boot/mods" "$top/boot/new" "$top/boot/dev"
    cp "$root/bin/busybox" "$top/boot/bin/"
    ln -s busybox "$top/boot/bin/sh"
    for module in virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk; do
        find "$top/kernel/lib/modules" -name "$module.ko" -exec cp {} "$top/boot/mods/" \;
    done
    install -m 755 tools/v2/initramfs "$top/boot/init"
    (cd "$top/boot" && find . | cpio -o -H newc --quiet | gzip >"$top/boot.gz")
}

# Run it to its end; what it says is shown and kept.
run_machine() { # SECONDS
    echo "running"
    nice timeout "$1" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 6000 -nographic -no-reboot \
        -kernel "$top"/kernel/boot/vmlinuz-* -initrd "$top/boot.gz" -append "console=ttyS0 panic=-1 quiet loglevel=1" \
        -drive "file=$top/disk.img,if=virtio,format=raw,cache=unsafe" </dev/null | tee "$top/said"
    if grep -q '^V2: all held' "$top/said"; then echo PASSED; else echo FAILED; exit 1; fi
}
