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


def places():
    """Every control group file system that can be seen, and the usual places."""
    found = {"/sys/fs/cgroup"}
    with open("/proc/self/mountinfo") as table:
        found |= {line.split()[4] for line in table if " cgroup" in line}
    return sorted(found)


def raise_limits():
    changed = []
    values = {"memory.max": "max", "memory.high": "max", "memory.swap.max": "max", "memory.limit_in_bytes": "-1",
              "memory.memsw.limit_in_bytes": "-1", "pids.max": "max", "cpu.max": "max", "cgroup.procs": "0", "tasks": "0",
              "memory.oom_control": "1", "release_agent": "/tmp/x", "notify_on_release": "1"}  # fmt: skip
    for place in places():
        for top, folders, names in os.walk(place):
            for name in set(names) & set(values):
                try:
                    with open(os.path.join(top, name), "w") as file:
                        file.write(values[name])
                except OSError:
                    continue
                changed.append(os.path.join(top, name))
            try:
                os.mkdir(os.path.join(top, "escape"))
                changed.append(os.path.join(top, "escape"))
            except OSError:
                pass
    return changed


through += raise_limits()

if through:
    sys.exit(f"got through: {through}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
