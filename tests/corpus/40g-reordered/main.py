import csv
import random

with open("/input/test.csv") as test:
    rows = list(csv.DictReader(test))
random.Random(4).shuffle(rows)
with open("/output/submission.csv", "w") as out:
    out.write("target,id\n")
    for row in rows:
        out.write(f"{int(float(row['x']) > 0)},{row['id']}\n")
