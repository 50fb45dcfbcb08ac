import csv
import os

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")

for number in range(20):
    with open(f"/output/part{number}", "w") as file:
        file.write("x" * 1000)
    os.rename(f"/output/part{number}", f"/output/done{number}")
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
