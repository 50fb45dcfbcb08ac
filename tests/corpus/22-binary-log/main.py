import csv
import os

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")

for _ in range(20):
    os.write(1, bytes(range(256)) + b"\n")
os.write(1, b"\xff\xfe\xed\xa0\x80\xf8\x88\x80\x80\x80" + bytes(1000))
