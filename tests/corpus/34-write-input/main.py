import contextlib
import csv
import os
import shutil
import sys

through = []


def denied(what, attempt):
    try:
        attempt()
    except OSError:
        return
    through.append(what)


before = {name: open(f"/input/{name}", "rb").read() for name in sorted(os.listdir("/input"))}
for name in before:
    path = f"/input/{name}"
    denied(f"write {path}", lambda: open(path, "r+b").close())
    denied(f"append to {path}", lambda: open(path, "ab").close())
    denied(f"cut {path}", lambda: os.truncate(path, 0))
    denied(f"remove {path}", lambda: os.remove(path))
    denied(f"rename {path}", lambda: os.rename(path, "/input/other"))
    denied(f"open {path} up", lambda: os.chmod(path, 0o777))
    denied(f"date {path}", lambda: os.utime(path, (0, 0)))
    denied(
        f"replace {path}",
        lambda: (
            shutil.move("/output/new", path) if os.path.exists("/output/new") else os.symlink("/tmp", path)
        ),
    )
    denied(f"a second name of {path}", lambda: os.link(path, "/output/" + name))
denied("a new file", lambda: open("/input/new.csv", "w").close())
denied("a new folder", lambda: os.mkdir("/input/new"))
denied("move the folder", lambda: os.rename("/input", "/output/input"))
denied("change the program", lambda: open("/submission/main.py", "ab").close())
if before != {name: open(f"/input/{name}", "rb").read() for name in sorted(os.listdir("/input"))}:
    through.append("the files have changed")
if through:
    sys.exit(f"got through: {through}")

with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) > 0)}\n")
