import csv
import os
import pathlib
import shutil
import tempfile

home = pathlib.Path.home() / ".cache" / "weights"
home.mkdir(parents=True)
(home / "model.bin").write_bytes(bytes(1000))
with tempfile.TemporaryDirectory() as folder:
    shutil.copy("/input/train.csv", folder)
    copied = pathlib.Path(folder) / "train.csv"
    copied.chmod(0o644)
    with copied.open("a") as file:
        file.write("x,0,0\n")
os.symlink("/input", "/tmp/data")
assert os.path.exists("/tmp/data/test.csv")
os.setsid() if os.getpid() != os.getpgid(0) else None

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
