import csv

kept = bytes(30 << 20) + b"x"
with open("/dev/shm/cache", "wb") as shm, open("/tmp/cache", "wb") as tmp:
    shm.write(kept[: 4 << 20])
    tmp.write(kept[: 4 << 20])
print(len(kept))

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
