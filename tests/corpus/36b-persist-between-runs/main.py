import csv
import ctypes
import os
import socket
import sys
import tempfile
import time

libc = ctypes.CDLL(None, use_errno=True)
MARK = "corpus-was-here"
mine = f"{MARK}-{os.urandom(8).hex()}"
places = {"/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/output", "/model", "/run", "/run/lock", os.path.expanduser("~"),
          os.path.expanduser("~/.cache"), tempfile.gettempdir(), "/env/lib", "/kaggle/working"}  # fmt: skip
found = []
# Leave, then look: of two runs at a time one sees the other, and of two in a row the second sees the first.
for place in places:
    try:
        os.makedirs(place, exist_ok=True)
        open(os.path.join(place, mine), "w").close()
    except OSError:
        continue
if libc.shmget(0x506F64, 4096, 0o3666) == -1:  # made now, or it was there
    found.append(f"shared memory: {os.strerror(ctypes.get_errno())}")
left = socket.socket(socket.AF_UNIX)
try:
    left.bind("\0" + MARK)
except OSError as error:
    found.append(f"abstract socket: {error}")
until = time.monotonic() + 0.5
while time.monotonic() < until:
    for place in places:
        names = os.listdir(place) if os.path.isdir(place) else ()
        found += [f"{place}/{name}" for name in names if name.startswith(MARK) and name != mine]
    time.sleep(0.02)
if found:
    sys.exit(f"somebody was here: {sorted(set(found))}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
