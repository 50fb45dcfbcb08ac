import csv
import ctypes
import subprocess
import sys

failed = subprocess.run([sys.executable, "-c", "import sys; sys.exit(137)"])
crashed = subprocess.run(
    [sys.executable, "-c", "import ctypes; ctypes.string_at(0)"], stderr=subprocess.DEVNULL
)
assert (failed.returncode, crashed.returncode) == (137, -11)
try:
    sys.exit(3)
except SystemExit:
    print("caught: Killed, out of memory, time limit exceeded", file=sys.stderr)
ctypes.CDLL(None).getpid()

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
