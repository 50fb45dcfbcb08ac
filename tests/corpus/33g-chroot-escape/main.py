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


refused("chroot", lambda: libc.chroot(b"/tmp"))
before = os.stat("/").st_ino, os.stat("/").st_dev
os.chdir("/")
for _ in range(64):
    os.chdir("..")
here = os.stat(".")
if (here.st_ino, here.st_dev) != before:
    through.append("left the root by dots")
for path in ("/proc/1/root", "/proc/self/root"):
    try:
        root = os.stat(path)
        names = os.listdir(path)
    except OSError:
        continue
    if (root.st_ino, root.st_dev) != before or "submission" not in names:
        through.append(f"{path} leads out")
# Descriptors that somebody left open would lead out as well.
for name in os.listdir("/proc/self/fd"):
    try:
        target = os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        continue
    if int(name) > 2 and not target.startswith(("/proc", "pipe:", "anon_inode:", "socket:")):
        through.append(f"descriptor {name}: {target}")

if through:
    sys.exit(f"got through: {through}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
