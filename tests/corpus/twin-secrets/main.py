import csv
import os
import platform
import sys

print(sys.version, platform.platform(), os.cpu_count(), len(os.sched_getaffinity(0)))
for top, folders, names in os.walk("/input"):
    for name in names:
        print(os.path.join(top, name), os.path.getsize(os.path.join(top, name)))
print(
    os.environ["HOME"],
    os.environ["PATH"],
    open("/proc/self/status").read().splitlines()[0],
    open("/proc/meminfo").readline(),
)

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
