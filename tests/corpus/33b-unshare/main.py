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


CLONE = {
    "user": 0x10000000,
    "mount": 0x20000,
    "network": 0x40000000,
    "pid": 0x20000000,
    "ipc": 0x8000000,
    "names": 0x4000000,
}
for name, flag in CLONE.items():
    refused(f"a {name} namespace", lambda: libc.unshare(flag))
refused("all of them", lambda: libc.unshare(sum(CLONE.values())))
own = os.open("/proc/self/ns/net", os.O_RDONLY)
refused("enter a namespace", lambda: libc.setns(own, 0))
refused(
    "clone into a user namespace", lambda: libc.syscall(numbered(56, 220), 0x10000011, None, None, None, None)
)
refused("host name", lambda: libc.sethostname(b"owned", 5))

if through:
    sys.exit(f"got through: {through}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
