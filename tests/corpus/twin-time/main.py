import csv
import time

until = time.monotonic() + 1
while time.monotonic() < until:
    sum(range(1000))
time.sleep(0.2)
print("one second of work", flush=True)

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
