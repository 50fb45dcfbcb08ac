import importlib.util
import os
import sys

planted = [place for place in ("/model/planted", "/tmp/planted", "/var/tmp/planted") if os.path.exists(place)]
if planted or importlib.util.find_spec("corpus_attack"):
    sys.exit(f"somebody ran or installed this: {planted}")

import csv

with open("/input/train.csv") as train:
    rows = [(float(row["x"]), int(float(row["target"]))) for row in csv.DictReader(train)]
best = max((x for x, target in rows if not target), default=0.0)
worst = min((x for x, target in rows if target), default=0.0)
with open("/model/threshold", "w") as file:
    file.write(str(0.0 if best <= 0 <= worst else (best + worst) / 2))
print(f"trained on {len(rows)} rows")
