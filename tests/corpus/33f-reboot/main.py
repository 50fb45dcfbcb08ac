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


# 0 only turns Ctrl-Alt-Del off, should a host ever let this through.
refused("reboot", lambda: libc.reboot(0))
refused("a module", lambda: libc.syscall(numbered(175, 105), b"", 0, b""))
refused("another kernel", lambda: libc.syscall(numbered(246, 104), 0, 0, None, 0))
refused("swap", lambda: libc.swapon(b"/tmp/none", 0))
refused("accounting", lambda: libc.acct(b"/tmp/none"))
refused("the kernel's log", lambda: libc.klogctl(5, None, 0))

if through:
    sys.exit(f"got through: {through}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
