import csv
import time

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")

line = 0
while True:
    print("trickle" if line < 200 else "BEYOND-THE-CAP", line, "." * 40, flush=True)
    line += 1
    time.sleep(0.001)
