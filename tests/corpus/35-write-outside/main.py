import csv
import os
import site
import sys

through = []


def denied(what, attempt):
    try:
        attempt()
    except OSError:
        return
    through.append(what)


def plant(folder):
    path = os.path.join(folder, "planted")
    with open(path, "w") as file:
        file.write("x")


folders = {"/", "/usr", "/usr/lib", "/usr/local", "/etc", "/bin", "/lib", "/root", "/home", "/var", "/var/tmp", "/run", "/opt", "/srv",
           "/mnt", "/dev", "/env", "/env/bin", "/input", "/submission", "/proc", "/proc/self", "/sys", "/sys/fs/cgroup", "/app", "/model",
           sys.prefix, sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable)), *site.getsitepackages()}  # fmt: skip
folders |= {path for path in sys.path if path and os.path.isdir(path)}
for folder in sorted(folders):
    if os.path.isdir(folder):
        denied(f"write {folder}", lambda: plant(folder))
for path in (
    "/etc/passwd",
    "/etc/hosts",
    "/etc/ld.so.preload",
    sys.executable,
    os.__file__,
    "/env/pyvenv.cfg",
):
    denied(f"change {path}", lambda: open(path, "ab").close())
for folder in ("/output", "/tmp", "/dev/shm", os.path.expanduser("~")):
    os.makedirs(folder, exist_ok=True)
    plant(folder)
if through:
    sys.exit(f"got through: {through}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
