import csv
import os
import stat
import sys

found = [
    path
    for path in (
        "/var/run/docker.sock",
        "/run/docker.sock",
        "/run/containerd/containerd.sock",
        "/run/crio/crio.sock",
        "/run/podman/podman.sock",
        "/run/user/0/podman/podman.sock",
        "/run/user/1000/docker.sock",
        "/run/systemd/private",
        "/run/dbus/system_bus_socket",
    )
    if os.path.lexists(path)
]
for top, folders, names in os.walk("/"):
    if top == "/":
        folders[:] = [name for name in folders if name not in ("proc", "sys", "usr", "env")]
    for name in names:
        path = os.path.join(top, name)
        try:
            if stat.S_ISSOCK(os.lstat(path).st_mode):
                found.append(path)
        except OSError:
            continue
# Paths bound by others in this network: a socket of the host would be listed.
with open("/proc/net/unix") as table:
    found += [line.split()[7] for line in table.read().splitlines()[1:] if len(line.split()) > 7]
if found:
    sys.exit(f"sockets: {found}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
