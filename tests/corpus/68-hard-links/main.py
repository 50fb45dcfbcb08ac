import os

with open("/output/submission.csv", "w") as file:
    file.write("id,target\n")
number = 0
while True:
    os.link("/output/submission.csv", f"/output/{number}")
    number += 1
