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


refused("another's memory", lambda: libc.syscall(numbered(310, 270), 1, None, 0, None, 0, 0))
refused("BPF", lambda: libc.syscall(numbered(321, 280), 0, None, 0))
refused("perf events", lambda: libc.syscall(numbered(298, 241), None, 0, -1, -1, 0))
refused("keyrings", lambda: libc.syscall(numbered(250, 219), 0, -3, 0))
refused("a key", lambda: libc.syscall(numbered(248, 217), b"user", b"podium", b"x", 1, -3))
refused("a file by handle", lambda: libc.syscall(numbered(304, 265), 0, None, 0))
refused("the clock", lambda: libc.clock_settime(0, ctypes.byref((ctypes.c_long * 2)(0, 0))))
for name, device in (("a disk", os.makedev(8, 0)), ("memory", os.makedev(1, 1))):
    try:
        os.mknod(f"/tmp/{device}", 0o60600 if name == "a disk" else 0o20600, device)
        through.append(f"made {name}")
    except OSError:
        pass

if through:
    sys.exit(f"got through: {through}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
