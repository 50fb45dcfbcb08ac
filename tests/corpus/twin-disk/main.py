import csv
import os

with open("/tmp/features", "wb") as file:
    for _ in range(16):
        file.write(bytes(1 << 20))
for number in range(500):
    with open(f"/tmp/{number}.json", "w") as file:
        file.write("{}")
os.makedirs("/output/checkpoints/" + "/".join("d" * 50))
with open("/output/checkpoints/model", "wb") as file:
    os.posix_fallocate(file.fileno(), 0, 1 << 20)

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
