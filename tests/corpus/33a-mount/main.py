import csv
import ctypes
import errno
import os
import platform
import sys

libc = ctypes.CDLL(None, use_errno=True)
# The last two are said by a kernel that has none of it, as gVisor's.
REFUSED = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.ENODEV)
through = []


def refused(what, call):
    """The kernel must say that this is not allowed; any other answer means that it was looked at."""
    ctypes.set_errno(0)
    result = call()
    if result != -1 or ctypes.get_errno() not in REFUSED:
        through.append(f"{what}: {result}, {errno.errorcode.get(ctypes.get_errno())}")


def numbered(x86, arm):
    return {"x86_64": x86, "aarch64": arm}[platform.machine()]


refused("mount a file system", lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
refused("mount the kernel's own", lambda: libc.mount(b"proc", b"/tmp", b"proc", 0, None))
refused("bind", lambda: libc.mount(b"/", b"/tmp", None, 0x5000, None))
refused("make writable", lambda: libc.mount(None, b"/input", None, 0x1020, None))
refused("unmount", lambda: libc.umount2(b"/tmp", 2))
refused("pivot_root", lambda: libc.syscall(numbered(155, 41), b"/tmp", b"/tmp"))

if through:
    sys.exit(f"got through: {through}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
