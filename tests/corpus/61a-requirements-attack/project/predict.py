import importlib.util
import os
import sys

planted = [place for place in ("/model/planted", "/tmp/planted", "/var/tmp/planted") if os.path.exists(place)]
if planted or importlib.util.find_spec("corpus_attack"):
    sys.exit(f"somebody ran or installed this: {planted}")

import csv

threshold = float(open("/model/threshold").read())
with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > threshold)}\n")
