"""A stage for Codabench programs: look-alikes of ingestion, submission and scoring, from archives to a finished run."""

from __future__ import annotations

import hashlib
import io
import os
import uuid
import zipfile
from pathlib import Path

from judge.codabench import ARCHIVE, Archive, Program, Ticket
from runners.agent import box, rundir
from runners.sandboxes import shims
from runners.spec import JobSpec, Limits
from tests.runners.sandbox_stage import SLOT, Result, SandboxStage

LIMITS = Limits(wall_s=20, cpu_s=20, memory_mb=96, pids=24, disk_mb=16, inodes=500, log_kb=64, output_mb=4)
ROWS = 20
DATA = {
    "train.csv": "x,y\n" + "".join(f"{n},{n % 2}\n" for n in range(ROWS)),
    "test.csv": "x\n" + "".join(f"{n + 100}\n" for n in range(ROWS)),
}
LABELS = "\n".join(str(n % 2) for n in range(ROWS))

INGESTION = """
import csv, os, sys

data, output, submission = sys.argv[1:4]
sys.path.insert(0, submission)
from model import Model

with open(os.path.join(data, "train.csv")) as file:
    rows = [(int(row["x"]), int(row["y"])) for row in csv.DictReader(file)]
with open(os.path.join(data, "test.csv")) as file:
    test = [int(row["x"]) for row in csv.DictReader(file)]
model = Model()
model.fit([x for x, _ in rows], [y for _, y in rows])
os.makedirs(os.path.join(output, "predictions"))
with open(os.path.join(output, "predictions", "y.txt"), "w") as file:
    file.write("\\n".join(map(str, model.predict(test))))
print("ingested", len(test), "rows")
"""
MODEL = """
class Model:
    def fit(self, x, y):
        self.odd = dict(zip((value % 2 for value in x), y))

    def predict(self, x):
        return [self.odd[value % 2] for value in x]
"""
SCORING = """
import json, os, sys

given, output = sys.argv[1:3]
truth = open(os.path.join(given, "ref", "labels.txt")).read().split()
found = open(os.path.join(given, "res", "predictions", "y.txt")).read().split()
score = sum(a == b for a, b in zip(truth, found, strict=True)) / len(truth)
with open(os.path.join(output, "scores.json"), "w") as file:
    json.dump({"accuracy": score, "rows": len(truth)}, file)
with open(os.path.join(output, "detailed_results.html"), "w") as file:
    file.write("<h1>details</h1>")
"""
COMMAND = "python3 /app/program/ingestion.py /app/input_data /app/output /app/ingested_program"
SCORE_COMMAND = "python3 /app/program/scoring.py /app/input /app/output"


class CodabenchStage:
    """Keeps archives as the agent's cache does, and runs job specifications in the stage's sandbox."""

    def __init__(self, sandbox: SandboxStage) -> None:
        self._sandbox = sandbox
        self._blobs = sandbox.directory / "blobs"
        self._blobs.mkdir()

    def ticket(self) -> Ticket:
        return Ticket(
            job_id=uuid.uuid4().hex,
            attempt=1,
            token="t",
            environment="python@0",
            limits=LIMITS,
        )

    def archive(self, files: dict[str, str]) -> Archive:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as packed:
            for name, text in files.items():
                packed.writestr(name, text)
        return self.keep(target.getvalue())

    def keep(self, content: bytes) -> Archive:
        digest = hashlib.sha256(content).hexdigest()
        (self._blobs / digest).write_bytes(content)
        return Archive(digest, len(content))

    def program(self, files: dict[str, str], command: str = "") -> Program:
        return Program(self.archive(files), {"command": command} if command else {})

    def run(self, spec: JobSpec) -> Result:
        """As the agent does: inputs fetched, archives unpacked, the plan made, the sandbox started."""
        run = rundir.create(self._sandbox.directory / "runs", spec, SLOT)
        for item in spec.inputs:
            if not run.input_path(item.sha256).exists():
                os.link(self._blobs / item.sha256, run.input_path(item.sha256))
        box.unpack_trees(run)
        plan = box.plan(
            JobSpec.from_json(spec.as_json()), run, self._sandbox.environment, 1, self._sandbox.image
        )
        place = self._sandbox.directory / f"test-{uuid.uuid4().hex}"
        place.mkdir(mode=0o700)
        self._sandbox.rundirs.append(place)
        shims.launch(place, plan, self._sandbox.sandbox)
        return self._sandbox.wait(place, within_s=40)

    def left(self, result: Result) -> dict[str, bytes]:
        """The collected files by name."""
        return {name: Path(result.rundir, "outputs", name).read_bytes() for name in result.names}

    def results(self, result: Result) -> Archive:
        """What an ingestion has left, for the scoring."""
        return self.keep(self.left(result)[ARCHIVE])
